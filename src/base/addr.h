#pragma once

#include <compare>
#include <cstdint>

namespace clew {

/// Of an address and of a register in the target, in bytes.
inline constexpr uint64_t word_size = 8;
/// The smallest unit in which the kernel maps memory: 4 KiB on x86-64.
inline constexpr uint64_t page_size = 4096;

/// An address in the target. A type of its own so that it is never mistaken for a pointer or a
/// count of clew's.
struct Addr {
  uint64_t value = 0;

  friend auto operator<=>(Addr,
                          Addr) = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs
  friend Addr operator+(Addr a, uint64_t n) { return {a.value + n}; }
  friend Addr operator-(Addr a, uint64_t n) { return {a.value - n}; }
  friend uint64_t operator-(Addr a, Addr b) { return a.value - b.value; }
};

}  // namespace clew
