#pragma once

#include <sys/types.h>

#include <span>

#include "base/addr.h"
#include "base/bytes.h"

namespace clew::os {

/// Copies memory of a process by process_vm_readv(2): unlike /proc/PID/mem it does not read what
/// the process itself could not (the guard pages of stacks). @return how many bytes could be copied
/// from `address` on; 0 also when the kernel refuses the call or lacks it.
size_t copy_from_process(pid_t pid, Addr address, MutableBytes into);

/// A piece of a process's memory that is wanted, and where to.
struct MemoryPart {
  Addr from;
  MutableBytes into;
  bool is_copied = false;  ///< all of it
};

/// Copies many pieces with few calls. @return how many could be copied whole.
size_t copy_parts_from_process(pid_t pid, std::span<MemoryPart> parts);

}  // namespace clew::os
