#include "value/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace clew::value {
namespace {

constexpr size_t x87_bytes = 10;

/// IEEE 754's binary16.
long double half_of(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  long double number = 0;
  if (exponent == 0) {
    number = std::ldexp(static_cast<long double>(fraction), -24);
  } else if (exponent == 0x1f) {
    number = fraction == 0 ? INFINITY : NAN;
  } else {
    number = std::ldexp(static_cast<long double>(fraction + 0x400), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -number : number;
}

/// binary128 to the 64 bits of precision that a long double has.
long double quad_of(Bytes bytes) {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&low, bytes.data(), sizeof low);
  std::memcpy(&high, bytes.data() + sizeof low, sizeof high);
  const int exponent = static_cast<int>(high >> 48 & 0x7fff);
  const uint64_t top = high & 0xffffffffffff;
  long double number = 0;
  if (exponent == 0x7fff) {
    number = top == 0 && low == 0 ? INFINITY : NAN;
  } else {
    number = std::ldexp(static_cast<long double>(low), -112) +
             std::ldexp(static_cast<long double>(top), -48) + (exponent == 0 ? 0 : 1);
    number = std::ldexp(number, (exponent == 0 ? 1 : exponent) - 16383);
  }
  return high >> 63 != 0 ? -number : number;
}

template <typename T>
long double number_of(Bytes bytes) {
  T number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<long double>(number);
}

}  // namespace

uint64_t integer_of(long double number) {
  if (std::isnan(number)) return 0;
  constexpr long double limit = 18446744073709551616.0L;
  if (number <= -limit / 2) return uint64_t{1} << 63;
  if (number >= limit) return UINT64_MAX;
  if (number < 0) return static_cast<uint64_t>(static_cast<int64_t>(number));
  return static_cast<uint64_t>(number);
}

bool is_quad(const Type* type) {
  const std::string_view name = type->name();
  return name.find("float128") != std::string_view::npos ||
         name.find("Float128") != std::string_view::npos || name == "f128";
}

std::vector<std::byte> integer_bytes(const Type* type, uint64_t number) {
  const Type* const stripped = type->stripped();
  // A number is never wider than this; what else has a size gets its first bytes.
  const uint64_t size = std::min<uint64_t>(stripped->size().value_or(sizeof number), 64);
  const bool is_negative = stripped->is_signed() && static_cast<int64_t>(number) < 0;
  std::vector<std::byte> bytes(size, is_negative ? std::byte{0xff} : std::byte{0});
  std::memcpy(bytes.data(), &number, std::min<size_t>(size, sizeof number));
  return bytes;
}

Result<long double> floating_of(const Type* type, Bytes bytes) {
  switch (bytes.size()) {
    case 2:
      return half_of(static_cast<uint16_t>(static_cast<unsigned>(bytes[0]) |
                                           static_cast<unsigned>(bytes[1]) << 8));
    case 4:
      return number_of<float>(bytes);
    case 8:
      return number_of<double>(bytes);
    case x87_bytes:
    case 12:
    case 16: {
      if (bytes.size() == 16 && is_quad(type)) return quad_of(bytes);
      long double number = 0;
      std::memcpy(&number, bytes.data(), x87_bytes);
      return number;
    }
    default:
      return fail(ErrorCode::unsupported,
                  fmt::format("a floating-point number of {} bytes", bytes.size()));
  }
}

std::vector<std::byte> floating_bytes(const Type* type, long double number) {
  const uint64_t size = std::min<uint64_t>(type->stripped()->size().value_or(8), 64);
  std::vector<std::byte> bytes(size);
  if (size == sizeof(float)) {
    const auto narrow = static_cast<float>(number);
    std::memcpy(bytes.data(), &narrow, sizeof narrow);
  } else if (size == sizeof(double)) {
    const auto narrow = static_cast<double>(number);
    std::memcpy(bytes.data(), &narrow, sizeof narrow);
  } else if (size >= x87_bytes) {
    std::memcpy(bytes.data(), &number, x87_bytes);
  }
  return bytes;
}

}  // namespace clew::value
