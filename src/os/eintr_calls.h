#pragma once

#include <cstdint>

namespace clew::os {

/// Says which blocking calls fail with EINTR merely because their thread was stopped, although no
/// signal handler ran (signal(7), "Interruption of system calls and library functions by stop
/// signals"; the kernel treats a stop by ptrace the same way). When such a call has returned -EINTR
/// at a stop that clew made, making the kernel start it again keeps the stop hidden from the
/// target.
///
/// The answer is yes only if the call, once it has returned EINTR, has done nothing, so that a
/// second start is safe.
/// @param is_ia32 the number is one of i386 (the thread entered the kernel by int 0x80 or sysenter)
bool returns_eintr_when_stopped(uint64_t syscall_number, bool is_ia32);

}  // namespace clew::os
