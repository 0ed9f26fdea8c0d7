#pragma once

#include "value/types.h"

namespace clew {

/// The type of what the kernel says of a signal (siginfo_t of sigaction(2)), with the fields that
/// gdb gives to $_siginfo. The same on all instruction sets of 64 bits.
const value::Type* signal_info_type(value::Types& types);

}  // namespace clew
