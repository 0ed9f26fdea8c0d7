#include "lang/rust/names.h"

#include <cctype>

namespace clew::lang::rust {

std::string plain_name(const value::Type* type) {
  const std::string& scope = type->scope();
  return scope.empty() ? std::string(type->base_name())
                       : scope + "::" + std::string(type->base_name());
}

std::string short_name(std::string_view name) {
  constexpr std::string_view allocator = ", alloc::alloc::Global";
  std::string text;
  size_t word = 0;  // where the word at the end of `text` begins
  for (size_t at = 0; at < name.size();) {
    if (name.substr(at).starts_with(allocator)) {
      at += allocator.size();
    } else if (name.substr(at).starts_with("::")) {
      text.erase(word);
      at += 2;
    } else {
      const char c = name[at++];
      text += c;
      const bool is_in_word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
      if (!is_in_word) word = text.size();
    }
  }
  return text;
}

}  // namespace clew::lang::rust
