#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "value/type.h"

namespace clew::value {

/// The low `bits` of a number, widened by their sign if they have one. 0 bits are 0.
constexpr uint64_t extend(uint64_t number, unsigned bits, bool is_signed) {
  if (bits == 0) return 0;
  if (bits >= 64) return number;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  number &= mask;
  if (is_signed && (number >> (bits - 1) & 1) != 0) number |= ~mask;
  return number;
}

/// The whole part of a number, cut to 64 bits; 0 for what has none.
uint64_t integer_of(long double number);

/// As the type has it in memory, as many bytes as its size; wider types (__int128) are filled by
/// the sign that the type has.
std::vector<std::byte> integer_bytes(const Type* type, uint64_t number);

/// Floating-point numbers of 2, 4, 8, and 10 to 16 bytes. `type` is stripped. @return unsupported
/// for others.
Result<long double> floating_of(const Type* type, Bytes bytes);
std::vector<std::byte> floating_bytes(const Type* type, long double number);

/// True for IEEE's 16 byte numbers, which are no long doubles of this machine.
bool is_quad(const Type* type);

}  // namespace clew::value
