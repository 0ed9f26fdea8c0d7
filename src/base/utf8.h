#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace clew {

constexpr uint32_t last_character = 0x10ffff;

/// False for halves of UTF-16 pairs, and above the last character of Unicode.
constexpr bool is_character(uint64_t code) {
  return code <= last_character && (code < 0xd800 || code > 0xdfff);
}

struct Utf8Character {
  uint32_t code = 0;
  size_t length = 0;  ///< in bytes; 0 when the bytes are not UTF-8
};

/// The character that a text begins with. Strict, as RFC 3629 asks: no overlong forms, no
/// surrogates, nothing above U+10FFFF.
Utf8Character first_character(std::string_view text);

/// Appends a character as UTF-8.
void append_utf8(std::string& text, uint32_t character);

}  // namespace clew
