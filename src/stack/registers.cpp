#include "stack/registers.h"

namespace clew::stack {

Registers::Registers(const arch::Arch& arch, const arch::GeneralRegisters& general) {
  for (const arch::RegisterInfo& info : arch.registers) {
    if (info.block != arch::RegisterBlock::general || info.dwarf < 0 || info.size != 8) continue;
    set(static_cast<unsigned>(info.dwarf), general.word(info.offset));
  }
}

}  // namespace clew::stack
