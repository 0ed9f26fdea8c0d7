#pragma once

#include <sys/types.h>

#include "base/addr.h"
#include "base/bytes.h"

namespace clew::os {

/// Copies memory of a process by process_vm_readv(2): unlike /proc/PID/mem it does not read what
/// the process itself could not (the guard pages of stacks). @return how many bytes could be copied
/// from `address` on; 0 also when the kernel refuses the call or lacks it.
size_t copy_from_process(pid_t pid, Addr address, MutableBytes into);

}  // namespace clew::os
