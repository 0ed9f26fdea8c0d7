#include "sym/punycode.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace clew::sym {
namespace {

constexpr size_t most_characters = 256;
// RFC 3492, section 5.
constexpr uint64_t base = 36, t_min = 1, t_max = 26, skew = 38, first_damp = 700;
constexpr uint64_t first_bias = 72, first_code = 0x80;
/// No delta leads further than this: past every character at every place.
constexpr uint64_t largest_delta = (last_character + 1) * most_characters;

std::optional<uint64_t> digit(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= '0' && c <= '9') return 26 + (c - '0');
  return std::nullopt;
}

/// A number in digits whose weight depends on those before it (section 3.3); taken off `text`.
std::optional<uint64_t> take_delta(std::string_view& text, uint64_t bias) {
  uint64_t delta = 0;
  uint64_t weight = 1;
  for (uint64_t k = base;; k += base) {
    if (text.empty()) return std::nullopt;
    const std::optional<uint64_t> d = digit(text.front());
    text.remove_prefix(1);
    if (!d) return std::nullopt;
    delta += *d * weight;
    if (delta > largest_delta) return std::nullopt;
    const uint64_t threshold = std::clamp(k > bias ? k - bias : 0, t_min, t_max);
    if (*d < threshold) return delta;
    weight *= base - threshold;
    if (weight > largest_delta) return std::nullopt;
  }
}

/// Section 6.1.
uint64_t adapt(uint64_t delta, uint64_t characters, bool first) {
  delta /= first ? first_damp : 2;
  delta += delta / characters;
  uint64_t k = 0;
  for (; delta > (base - t_min) * t_max / 2; k += base) delta /= base - t_min;
  return k + (base - t_min + 1) * delta / (delta + skew);
}

}  // namespace

std::optional<std::string> decode_punycode(std::string_view basic, std::string_view deltas) {
  if (basic.size() > most_characters) return std::nullopt;
  std::u32string text(basic.begin(), basic.end());
  uint64_t bias = first_bias;
  uint64_t code = first_code;
  uint64_t at = 0;
  for (bool first = true; !deltas.empty(); first = false) {
    const std::optional<uint64_t> delta = take_delta(deltas, bias);
    if (!delta || text.size() == most_characters) return std::nullopt;
    const uint64_t characters = text.size() + 1;
    at += *delta;
    code += at / characters;
    at %= characters;
    if (!is_character(code)) return std::nullopt;
    text.insert(at, 1, static_cast<char32_t>(code));
    ++at;
    bias = adapt(*delta, characters, first);
  }
  std::string result;
  for (const char32_t c : text) append_utf8(result, c);
  return result;
}

}  // namespace clew::sym
