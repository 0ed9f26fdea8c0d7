#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch.h"

namespace clew::live {

/// @return code that makes one system call, whose registers are set by clew, and then leads back to
/// `before` by itself: it puts back the signal mask by rt_sigprocmask(2), each register that has to
/// do with the calls, and jumps to where the thread stood. clew takes the thread away behind the
/// first call; the rest is for the case that clew dies before it does. It uses no stack: there may
/// be none, as in Go. At most code_padding_size bytes.
std::vector<std::byte> make_target_call_code(const arch::GeneralRegisters& before, uint64_t mask);

}  // namespace clew::live
