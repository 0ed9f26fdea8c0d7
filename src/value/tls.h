#pragma once

#include <cstdint>

#include "base/result.h"
#include "sym/module_map.h"
#include "value/target.h"
#include "value/thread_state.h"

namespace clew::value {

/// Where `offset` into a module's thread-local storage is for one thread (x86-64's variant II of
/// the ELF TLS ABI, with glibc's vector of blocks). @return unavailable when the thread has not
/// used that module's storage yet, or it cannot be found.
Result<uint64_t> thread_local_address(Target& target, const sym::LoadedModule& module,
                                      const ThreadState& thread, uint64_t offset);

}  // namespace clew::value
