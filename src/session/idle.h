#pragma once

#include "arch/arch.h"

namespace clew {

/// True when a thread with these registers is in a system call that waits for something to happen:
/// for an event, a message, a signal, a futex, the end of a time.
bool is_waiting(const arch::Arch& arch, const arch::GeneralRegisters& registers);

}  // namespace clew
