#include "sym/rust_name_cursor.h"

#include <fmt/format.h>

#include "sym/punycode.h"

namespace clew::sym {

std::string RustNameCursor::Identifier::text() const {
  if (punycode.empty()) return std::string(ascii);
  if (auto decoded = decode_punycode(ascii, punycode)) return std::move(*decoded);
  return fmt::format("punycode{{{}{}{}}}", ascii, ascii.empty() ? "" : "-", punycode);
}

std::optional<unsigned> RustNameCursor::hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

bool RustNameCursor::eat(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

char RustNameCursor::next() {
  const char c = peek();
  if (c == '\0') {
    wrong();
  } else {
    ++at_;
  }
  return c;
}

uint64_t RustNameCursor::number_62() {
  if (eat('_')) return 0;
  uint64_t number = 0;
  while (is_ok_ && !eat('_')) {
    const char c = next();
    uint64_t digit = 0;
    if (is_digit(c)) {
      digit = c - '0';
    } else if (is_lower(c)) {
      digit = 10 + (c - 'a');
    } else if (is_upper(c)) {
      digit = 36 + (c - 'A');
    } else {
      wrong();
    }
    if (__builtin_mul_overflow(number, uint64_t{62}, &number) ||
        __builtin_add_overflow(number, digit, &number))
      wrong();
  }
  if (__builtin_add_overflow(number, uint64_t{1}, &number)) wrong();
  return number;
}

uint64_t RustNameCursor::optional_number_62(char tag) {
  if (!eat(tag)) return 0;
  uint64_t number = number_62();
  if (__builtin_add_overflow(number, uint64_t{1}, &number)) wrong();
  return number;
}

RustNameCursor::Identifier RustNameCursor::identifier() {
  const bool is_punycode = eat('u');
  if (!is_digit(peek())) {
    wrong();
    return {};
  }
  size_t size = next() - '0';
  while (size != 0 && is_digit(peek())) {
    size = size * 10 + (next() - '0');
    if (size > name_.size()) wrong();
  }
  eat('_');
  if (!is_ok_ || size > name_.size() - at_) {
    wrong();
    return {};
  }
  const std::string_view text = name_.substr(at_, size);
  at_ += size;
  if (!is_punycode) return {text, {}};
  const size_t split = text.rfind('_');
  if (split == text.npos) return {{}, text};
  Identifier result{text.substr(0, split), text.substr(split + 1)};
  if (result.punycode.empty()) wrong();
  return result;
}

std::string_view RustNameCursor::hex_digits() {
  const size_t start = at_;
  while (hex_digit(peek())) ++at_;
  const std::string_view digits = name_.substr(start, at_ - start);
  if (!eat('_')) wrong();
  return digits;
}

}  // namespace clew::sym
