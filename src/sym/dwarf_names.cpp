#include "sym/dwarf_names.h"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sym/dwarf_bytes.h"

namespace clew::sym {
namespace {

using Section = NameRef::Section;

constexpr std::string_view operator_prefix = "operator";

/// Longer ones first, so that the first that fits is the right one.
constexpr std::array<std::string_view, 39> operator_symbols = {
    "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "==", "!=", "->", "&&", "||",
    "++",  "--",  "+=",  "-=",  "*=", "/=", "%=", "^=", "&=", "|=", "()", "[]", "<",
    ">",   "=",   "+",   "-",   "*",  "/",  "%",  "^",  "&",  "|",  "~",  "!",  ","};

bool is_identifier_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed_end(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// "operator<<", "operator<< <int>", "operator<<int>" (operator< of int).
std::string_view operator_base(std::string_view name) {
  const std::string_view rest = name.substr(operator_prefix.size());
  if (rest.starts_with(' ')) return name;  // a conversion, or new and delete
  for (const std::string_view symbol : operator_symbols) {
    if (!rest.starts_with(symbol)) continue;
    std::string_view behind = rest.substr(symbol.size());
    while (behind.starts_with(' ')) behind.remove_prefix(1);
    if (behind.empty() || (behind.front() == '<' && behind.back() == '>'))
      return name.substr(0, operator_prefix.size() + symbol.size());
  }
  return name;
}

/// "path/to/pkg.(*Type[…]).Method[…]" has the base "Method".
std::string_view go_base(std::string_view name) {
  const size_t arguments = name.find('[');
  const size_t slash = name.substr(0, arguments).rfind('/');
  size_t start = slash == name.npos ? 0 : slash + 1;
  int depth = 0;
  for (size_t i = start; i < name.size(); ++i) {
    if (name[i] == '[' || name[i] == '(') ++depth;
    if (name[i] == ']' || name[i] == ')') --depth;
    if (name[i] == '.' && depth == 0) start = i + 1;
  }
  name.remove_prefix(start);
  const size_t bracket = name.find('[');
  return bracket == name.npos || bracket == 0 ? name : name.substr(0, bracket);
}

}  // namespace

std::string_view base_name(std::string_view name, int language) {
  if (language == DW_LANG_Go) return go_base(name);
  if (name.size() > operator_prefix.size() && name.starts_with(operator_prefix) &&
      !is_identifier_part(name[operator_prefix.size()]))
    return operator_base(name);
  if (!name.ends_with('>')) return name;
  const size_t angle = name.find('<');
  if (angle == name.npos || angle == 0) return name;  // "<lambda(int)>"
  return trimmed_end(name.substr(0, angle));
}

uint32_t hash_name(std::string_view base) {
  uint64_t h = base.size() * 0x9e3779b97f4a7c15;
  while (!base.empty()) {
    uint64_t word = 0;
    const size_t n = std::min<size_t>(base.size(), sizeof word);
    std::memcpy(&word, base.data(), n);
    h = (h ^ word) * 0xff51afd7ed558ccd;
    h ^= h >> 29;
    base.remove_prefix(n);
  }
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93;
  return static_cast<uint32_t>(h >> 32);
}

std::string_view text_of(const DwarfSections& sections, NameRef name) {
  const DwarfSections* const alt = sections.alt();
  Bytes bytes;
  switch (name.section()) {
    case Section::info:
      bytes = sections.info();
      break;
    case Section::types:
      bytes = sections.types();
      break;
    case Section::str:
      bytes = sections.str();
      break;
    case Section::line_str:
      bytes = sections.line_str();
      break;
    case Section::alt_info:
      if (alt != nullptr) bytes = alt->info();
      break;
    case Section::alt_str:
      if (alt != nullptr) bytes = alt->str();
      break;
    case Section::none:
      break;
  }
  if (name.offset() >= bytes.size()) return {};
  return DwarfCursor(bytes.subspan(name.offset())).string();
}

}  // namespace clew::sym
