#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace clew {
namespace {

bool is_harmful(uint32_t code) {
  struct Range {
    uint32_t first, last;
  };
  // Apart from C0, DEL and C1: characters that change the order in which the text around them is
  // shown, break the line, or cannot be seen, so that one name passes for another.
  static constexpr Range ranges[] = {
      {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200b}, {0x200e, 0x200f},
      {0x2028, 0x202e}, {0x2060, 0x2069}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
  };
  for (const Range& range : ranges) {
    if (range.first <= code && code <= range.last) return true;
  }
  return false;
}

void append_escape(std::string& out, const Utf8Character& character, uint8_t first_byte) {
  auto to = std::back_inserter(out);
  if (character.code == '\n') {
    out += "\\n";
  } else if (character.code == '\t') {
    out += "\\t";
  } else if (character.code == '\r') {
    out += "\\r";
  } else if (character.length <= 1) {
    fmt::format_to(to, "\\x{:02x}", first_byte);
  } else if (character.code <= 0xffff) {
    fmt::format_to(to, "\\u{:04x}", character.code);
  } else {
    fmt::format_to(to, "\\U{:08x}", character.code);
  }
}

}  // namespace

size_t printable_length(std::string_view text) {
  const Utf8Character character = first_character(text);
  return is_harmful(character.code) ? 0 : character.length;
}

std::string printable(std::string_view text) {
  const bool is_plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (is_plain) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (character.length != 0 && !is_harmful(character.code)) {
      out += text.substr(0, character.length);
    } else {
      append_escape(out, character, static_cast<uint8_t>(text[0]));
    }
    text.remove_prefix(character.length == 0 ? 1 : character.length);
  }
  return out;
}

}  // namespace clew
