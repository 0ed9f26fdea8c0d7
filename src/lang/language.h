#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clew::lang {

/// Whose syntax and arithmetic an expression has.
enum class Language : uint8_t { c, cpp, rust, go };

/// By DW_LANG_…; what clew has no expressions of its own for is taken as C++ when it has scopes, as
/// C otherwise.
Language language_of(int dwarf_language);

/// "c", "c++", "rust" or "go".
std::string_view language_name(Language language);
std::optional<Language> parse_language(std::string_view name);

}  // namespace clew::lang
