#include "value/scalar_format.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/printable.h"
#include "value/character_text.h"
#include "value/dwarf_read.h"
#include "value/number.h"

namespace clew::value {
namespace {

__extension__ using Wide = unsigned __int128;

Wide wide_of(Bytes bytes) {
  Wide number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return number;
}

std::string in_base(Wide number, unsigned base) {
  std::string digits;
  do {
    digits += "0123456789abcdef"[static_cast<unsigned>(number % base)];
    number /= base;
  } while (number != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

uint64_t word_of(const Type* type, Bytes bytes) {
  uint64_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return bytes.size() >= sizeof number
             ? number
             : extend(number, static_cast<unsigned>(bytes.size() * 8), type->is_signed());
}

/// What stands in front of a character's quotes in C.
std::string prefix_of(const Type* type) {
  const std::string_view name = type->name();
  if (name == "wchar_t") return "L";
  if (name == "char16_t") return "u";
  if (name == "char32_t") return "U";
  return {};
}

/// Any bytes, the most significant first.
std::string raw_hex(Bytes bytes) {
  std::string text = "0x";
  for (size_t i = bytes.size(); i-- > 0;)
    text += fmt::format("{:02x}", static_cast<unsigned>(bytes[i]));
  return text;
}

std::string natural(const Type* type, Bytes bytes) {
  switch (type->kind()) {
    case TypeKind::boolean: {
      const uint64_t number = word_of(type, bytes);
      return number == 0 ? "false" : number == 1 ? "true" : std::to_string(number);
    }
    case TypeKind::character:
      return format_character(type, word_of(type, bytes));
    case TypeKind::integer:
      return format_integer(bytes, type->is_signed());
    case TypeKind::enumeration:
      return format_enumeration(type, word_of(type, bytes));
    case TypeKind::pointer:
    case TypeKind::reference:
      return fmt::format("{:#x}", word_of(type, bytes));
    case TypeKind::floating: {
      const auto number = floating_of(type, bytes);
      return number ? format_floating(*number, bytes.size()) : raw_hex(bytes);
    }
    case TypeKind::complex: {
      const Bytes real = bytes.first(bytes.size() / 2);
      const auto a = floating_of(type, real);
      const auto b = floating_of(type, bytes.subspan(real.size()));
      if (!a || !b) return raw_hex(bytes);
      if (is_go(type->language())) {
        const std::string imaginary = format_floating(*b, real.size());
        return fmt::format("({}{}{}i)", format_floating(*a, real.size()),
                           imaginary.starts_with('-') ? "" : "+", imaginary);
      }
      return fmt::format("{} + {}i", format_floating(*a, real.size()),
                         format_floating(*b, real.size()));
    }
    default:
      return raw_hex(bytes);
  }
}

std::string as_floating(const Type* type, Bytes bytes) {
  if (type->kind() == TypeKind::floating || type->kind() == TypeKind::complex)
    return natural(type, bytes);
  // Bytes of a size that a floating-point type has are taken as one.
  if (bytes.size() == sizeof(float) || bytes.size() == sizeof(double)) {
    const auto number = floating_of(type, bytes);
    if (number) return format_floating(*number, bytes.size());
  }
  return format_integer(bytes, type->is_signed());
}

}  // namespace

std::string format_integer(Bytes bytes, bool is_signed) {
  if (bytes.empty() || bytes.size() > sizeof(Wide)) return raw_hex(bytes);
  Wide number = wide_of(bytes);
  const bool is_negative = is_signed && (static_cast<unsigned>(bytes.back()) & 0x80) != 0;
  if (!is_negative) return in_base(number, 10);
  Wide mask = ~Wide{0};
  if (bytes.size() < sizeof(Wide)) mask = (Wide{1} << (8 * bytes.size())) - 1;
  number = (~number + 1) & mask;
  return "-" + in_base(number, 10);
}

std::string format_character(const Type* type, uint64_t number) {
  const uint64_t size = type->size().value_or(1);
  const auto encoding = size == 2   ? Text::Encoding::utf16
                        : size == 4 ? Text::Encoding::utf32
                                    : Text::Encoding::bytes;
  const auto unit = static_cast<uint32_t>(size < 4 ? extend(number, unsigned(size * 8), false)
                                                   : number & UINT32_MAX);
  const std::string value =
      type->is_signed() ? std::to_string(static_cast<int64_t>(number)) : std::to_string(number);
  return value + " " + prefix_of(type) + "'" + escaped_character(unit, '\'', encoding) + "'";
}

std::string format_floating(long double number, uint64_t size) {
  if (std::isnan(number)) return std::signbit(number) ? "-nan" : "nan";
  std::array<char, 64> buffer{};
  char* const first = buffer.data();
  char* const last = buffer.data() + buffer.size();
  std::to_chars_result result{first, {}};
  if (size <= sizeof(float)) {
    result = std::to_chars(first, last, static_cast<float>(number));
  } else if (size == sizeof(double)) {
    result = std::to_chars(first, last, static_cast<double>(number));
  } else {
    result = std::to_chars(first, last, number);
  }
  return {first, result.ptr};
}

std::string format_enumeration(const Type* type, uint64_t number) {
  const std::string scope =
      type->is_enum_class() || is_rust(type->language()) ? type->full_name() : type->scope();
  const auto named = [&](const Enumerator& e) {
    return printable(scope.empty() ? e.name : scope + "::" + e.name);
  };
  const unsigned bits = static_cast<unsigned>(type->size().value_or(8) * 8);
  const auto plain = [&](int64_t value) {
    return extend(static_cast<uint64_t>(value), bits, false);
  };
  const uint64_t wanted = extend(number, bits, false);
  bool is_flags = true;
  uint64_t seen = 0;
  for (const Enumerator& e : type->enumerators()) {
    if (plain(e.value) == wanted) return named(e);
    // Flags: one bit each, and no bit twice.
    const uint64_t value = plain(e.value);
    is_flags = is_flags && e.value >= 0 && (value & (value - 1)) == 0 && (seen & value) == 0;
    seen |= value;
  }
  std::string value = type->is_signed()
                          ? std::to_string(static_cast<int64_t>(extend(number, bits, true)))
                          : std::to_string(wanted);
  if (!is_flags || (wanted & seen) == 0) return value;
  std::string text;
  uint64_t rest = wanted;
  for (const Enumerator& e : type->enumerators()) {
    const uint64_t flag = plain(e.value);
    if (flag == 0 || (rest & flag) == 0) continue;
    text += (text.empty() ? "" : " | ") + named(e);
    rest &= ~flag;
  }
  if (rest != 0) text += fmt::format(" | unknown: {:#x}", rest);
  return "(" + text + ")";
}

std::string format_scalar(const Type* type, Bytes bytes, Format format) {
  if (bytes.empty()) return {};
  if (bytes.size() > sizeof(Wide)) return raw_hex(bytes);
  const Wide number = wide_of(bytes);
  switch (format) {
    case Format::natural:
    case Format::string:
    case Format::instruction:
      return natural(type, bytes);
    case Format::hex:
    case Format::address:
      return "0x" + in_base(number, 16);
    case Format::hex_padded: {
      const std::string digits = in_base(number, 16);
      return "0x" + std::string(bytes.size() * 2 - std::min(bytes.size() * 2, digits.size()), '0') +
             digits;
    }
    case Format::octal:
      return number == 0 ? "0" : "0" + in_base(number, 8);
    case Format::binary:
      return in_base(number, 2);
    case Format::decimal:
      return format_integer(bytes, true);
    case Format::unsigned_decimal:
      return format_integer(bytes, false);
    case Format::character: {
      // Wider numbers are cut to what a char is.
      const Type* const character =
          type->kind() == TypeKind::character
              ? type
              : type->owner().base(type->is_signed() ? "char" : "unsigned char",
                                   TypeKind::character, 1, type->is_signed());
      return format_character(
          character, extend(static_cast<uint64_t>(number),
                            unsigned(character->size().value_or(1) * 8), character->is_signed()));
    }
    case Format::floating:
      return as_floating(type, bytes);
  }
  return {};
}

}  // namespace clew::value
