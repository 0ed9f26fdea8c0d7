#pragma once

#include <string>
#include <vector>

#include "base/memory_reader.h"
#include "lang/go/runtime_layout.h"

namespace clew::go {

/// A call that runs when the function returns that has deferred it.
struct DeferredCall {
  Addr function;         ///< what will be called; 0 when that is not known
  Addr pc;               ///< behind the defer statement; 0 for one that has no record
  uint64_t body_sp = 0;  ///< stack pointer of the body of the function that has deferred it
};

/// A panic, or a runtime.Goexit, whose deferred calls are running.
struct Panic {
  Addr record;  ///< its runtime._panic
  Addr value;   ///< where its value is: an interface{}
  bool is_recovered = false;
  bool is_goexit = false;
};

/// A goroutine whose go statement led to the one in question, itself or by others.
struct Ancestor {
  uint64_t id = 0;
  Addr go_pc;                ///< behind the go statement that made it; 0 for the first one
  std::vector<Addr> places;  ///< where it stood then, innermost first; behind calls
};

/// What the runtime knows of one goroutine besides its state.
struct GoroutineDetails {
  std::vector<DeferredCall> deferred;  ///< those with records, the next one to run first
  std::vector<Panic> panics;           ///< the latest first
  std::vector<Ancestor> ancestors;     ///< the nearest first; with GODEBUG=tracebackancestors only
  std::vector<std::string> problems;   ///< what made no sense, one line each
};

/// Reads it of the runtime.g at `descriptor`, whose goroutine must not run meanwhile. Whatever the
/// memory holds, this ends.
GoroutineDetails read_details(MemoryReader& memory, const RuntimeLayout& layout, Addr descriptor);

/// The descriptors of all goroutines that wait at a channel (the runtime.hchan at an address), in
/// `select` statements too: the receivers, then the senders. `problem` says why there may be more.
std::vector<Addr> waiters_of(MemoryReader& memory, const RuntimeLayout& layout, Addr channel,
                             std::string& problem);

}  // namespace clew::go
