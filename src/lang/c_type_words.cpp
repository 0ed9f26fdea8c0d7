#include "lang/c_type_words.h"

#include <algorithm>
#include <utility>

namespace clew::lang {
namespace {

constexpr std::string_view bases[] = {
    "void",    "char",    "int",      "float",    "double",   "bool",       "_Bool",
    "wchar_t", "char8_t", "char16_t", "char32_t", "__int128", "__int128_t", "__uint128_t"};
constexpr std::string_view modifiers[] = {"unsigned", "signed", "short", "long"};
constexpr std::string_view qualifiers[] = {"const", "volatile", "restrict", "_Atomic"};

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

}  // namespace

bool is_basic_word(const Token& token) {
  return token.kind == TokenKind::name &&
         (contains(bases, token.text) || contains(modifiers, token.text));
}

bool is_qualifier_word(const Token& token) {
  return token.kind == TokenKind::name && contains(qualifiers, token.text);
}

bool BasicTypeWords::add(std::string_view word) {
  if (word == "long") return ++longs_ <= 2 && !is_short_;
  if (word == "short") return !std::exchange(is_short_, true) && longs_ == 0;
  if (word == "unsigned") return !std::exchange(is_unsigned_, true) && !is_signed_;
  if (word == "signed") return !std::exchange(is_signed_, true) && !is_unsigned_;
  if (!base_.empty()) return false;
  base_ = word == "_Bool" ? "bool" : word;
  return true;
}

std::string BasicTypeWords::name() const {
  if (base_ == "__int128_t") return "__int128";
  if (base_ == "__uint128_t") return "unsigned __int128";
  const std::string sign = is_unsigned_ ? "unsigned " : "";
  if (base_ == "char") return is_signed_ ? "signed char" : sign + "char";
  if (base_ == "double") return longs_ > 0 ? "long double" : "double";
  if (base_ == "__int128") return sign + "__int128";
  if (!base_.empty() && base_ != "int") return base_;
  if (is_short_) return sign + "short";
  if (longs_ == 1) return sign + "long";
  if (longs_ == 2) return sign + "long long";
  return sign + "int";
}

}  // namespace clew::lang
