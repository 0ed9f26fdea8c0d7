#include "value/character_text.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "base/printable.h"
#include "base/utf8.h"

namespace clew::value {
namespace {

/// What C has a letter for.
std::optional<char> short_escape(uint32_t c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\t':
      return 't';
    case '\r':
      return 'r';
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\v':
      return 'v';
    default:
      return std::nullopt;
  }
}

/// One element of a string: what is written, and how many units it takes.
struct Element {
  std::string text;
  size_t units = 1;
};

/// The longest run of bytes from `at` on that is one character of UTF-8 fit to be shown.
std::optional<Element> utf8_element(const std::vector<uint32_t>& units, size_t at) {
  std::string bytes;
  for (size_t i = at; i < units.size() && bytes.size() < 4; ++i)
    bytes += static_cast<char>(units[i] & 0xff);
  const size_t length = printable_length(bytes);
  if (length < 2) return std::nullopt;
  return Element{bytes.substr(0, length), length};
}

Element element_at(const std::vector<uint32_t>& units, size_t at, char quote,
                   Text::Encoding encoding) {
  const uint32_t unit = units[at];
  const bool is_bytes = encoding == Text::Encoding::bytes || encoding == Text::Encoding::utf8;
  if (is_bytes && unit >= 0x80) {
    if (auto element = utf8_element(units, at)) return std::move(*element);
  }
  if (encoding == Text::Encoding::utf16 && unit >= 0xd800 && unit < 0xdc00 &&
      at + 1 < units.size() && units[at + 1] >= 0xdc00 && units[at + 1] < 0xe000) {
    const uint32_t character = 0x10000 + ((unit - 0xd800) << 10) + (units[at + 1] - 0xdc00);
    return {escaped_character(character, quote, encoding), 2};
  }
  return {escaped_character(unit, quote, encoding), 1};
}

}  // namespace

std::string escaped_character(uint32_t c, char quote, Text::Encoding encoding) {
  if (c == static_cast<unsigned char>(quote) || c == '\\') return {'\\', static_cast<char>(c)};
  if (c >= 0x20 && c < 0x7f) return {static_cast<char>(c)};
  if (const auto letter = short_escape(c)) return {'\\', *letter};
  if (c < 0x80 || encoding == Text::Encoding::bytes || encoding == Text::Encoding::utf8)
    return fmt::format("\\{:03o}", c & 0xff);
  if (is_character(c)) {
    std::string text;
    append_utf8(text, c);
    if (printable_length(text) == text.size()) return text;
  }
  return c < 0x10000 ? fmt::format("\\u{:04x}", c) : fmt::format("\\U{:08x}", c);
}

unsigned unit_size_of(Text::Encoding encoding) {
  switch (encoding) {
    case Text::Encoding::utf16:
      return 2;
    case Text::Encoding::utf32:
      return 4;
    default:
      return 1;
  }
}

std::vector<uint32_t> units_of(Bytes bytes, unsigned unit_size) {
  std::vector<uint32_t> units(bytes.size() / unit_size);
  for (size_t i = 0; i < units.size(); ++i)
    std::memcpy(&units[i], bytes.data() + i * unit_size, unit_size);
  return units;
}

std::string StringWriter::write(const std::vector<uint32_t>& units, const Rules& rules) {
  if (units.empty()) return rules.prefix + "\"\"" + (rules.is_cut ? "..." : "");
  std::string text;
  bool is_open = false;
  const auto separate = [&] {
    if (is_open) text += '"';
    if (!text.empty()) text += ", ";
    is_open = false;
  };
  for (size_t at = 0; at < units.size();) {
    const Element element = element_at(units, at, '"', rules.encoding);
    size_t count = 1;
    if (element.units == 1) {
      while (at + count < units.size() && units[at + count] == units[at]) ++count;
    }
    if (rules.repeats != 0 && count > rules.repeats && element.units == 1) {
      separate();
      text += fmt::format("{}'{}' <repeats {} times>", rules.prefix,
                          escaped_character(units[at], '\'', rules.encoding), count);
      at += count;
      continue;
    }
    if (!is_open) {
      separate();
      text += rules.prefix + '"';
      is_open = true;
    }
    text += element.text;
    at += element.units;
  }
  if (is_open) text += '"';
  if (rules.is_cut) text += "...";
  return text;
}

}  // namespace clew::value
