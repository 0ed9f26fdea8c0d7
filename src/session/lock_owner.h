#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/addr.h"
#include "inferior/inferior.h"
#include "os/proc_dir.h"

namespace clew {

/// A lock that a thread sleeps for.
struct AwaitedLock {
  Addr address;
  /// Nothing where the lock does not say, or what stands there is no thread's number: nothing is
  /// guessed.
  std::optional<ThreadId> owner;
};

/// What a thread that runs waits for in futex(2), by /proc and the lock's own words: mutexes of
/// POSIX threads (glibc's, plain, recursive, error checking, robust, with priority inheritance) and
/// whatever else the kernel knows the owner of. @return nothing when it waits for no lock, or for
/// something that cannot be told from one.
std::optional<AwaitedLock> awaited_lock(const os::ProcDir& proc, MemoryReader& memory,
                                        std::span<const Thread> threads, ThreadId waiter);

}  // namespace clew
