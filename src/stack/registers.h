#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "arch/arch.h"

namespace clew::stack {

/// The registers of one frame, by DWARF number, as far as they are known: what a call may have
/// overwritten and nobody saved is not.
class Registers {
 public:
  /// Integer registers of every instruction set that clew knows fit in (x86-64: 0 to 16, of which
  /// 16 is the return address, DWARF numbers 50 to 59 are segments and are left out).
  static constexpr unsigned capacity = 33;

  Registers() = default;
  /// All that are known of a stopped thread.
  Registers(const arch::Arch& arch, const arch::GeneralRegisters& general);

  std::optional<uint64_t> word(unsigned dwarf) const {
    if (dwarf >= capacity || (known_ >> dwarf & 1) == 0) return std::nullopt;
    return words_[dwarf];
  }
  void set(unsigned dwarf, uint64_t value) {
    if (dwarf >= capacity) return;
    words_[dwarf] = value;
    known_ |= uint64_t{1} << dwarf;
  }
  void forget(unsigned dwarf) {
    if (dwarf < capacity) known_ &= ~(uint64_t{1} << dwarf);
  }

 private:
  std::array<uint64_t, capacity> words_{};
  uint64_t known_ = 0;
};

}  // namespace clew::stack
