#pragma once

#include <cstdint>
#include <optional>

#include "lang/go/goroutine.h"
#include "lang/go/target_copy.h"

namespace clew::go {

/// Where a goroutine stood when a signal's handler took its thread.
struct InterruptedPlace {
  uint64_t pc = 0, sp = 0, fp = 0;
};

/// Looks for what the kernel has saved above `thread_sp`, on the stack for signals that the thread
/// is on, and takes it when it lies on the goroutine's stack. Needs the thread held.
std::optional<InterruptedPlace> find_interrupted_place(const TargetCopy& memory, uint64_t thread_sp,
                                                       const Goroutine& goroutine);

}  // namespace clew::go
