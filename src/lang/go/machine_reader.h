#pragma once

#include <optional>
#include <vector>

#include "base/addr.h"
#include "base/memory_reader.h"
#include "lang/go/runtime_layout.h"

namespace clew::go {

/// A stack that the runtime has made or taken over, and where the goroutine that it belongs to (a
/// thread's own one, g0, included) goes on when it is on no thread or its thread is elsewhere.
struct OwnStack {
  Addr descriptor;  ///< of its runtime.g
  uint64_t low = 0, high = 0;
  uint64_t saved_pc = 0, saved_sp = 0, saved_fp = 0;  ///< of runtime.g.sched

  /// True for a stack pointer on it.
  bool holds(uint64_t sp) const { return low < sp && sp <= high; }
};

/// A thread as the runtime knows it (runtime.m).
struct Machine {
  Addr descriptor;
  uint64_t tid = 0;  ///< as the program itself numbers it
  OwnStack system;   ///< of g0: what the runtime's own work and C run on
  uint64_t vdso_pc = 0, vdso_sp = 0;
  uint64_t goroutine = 0;  ///< id of the one that it runs; 0 for none
  OwnStack current;        ///< of that
};

/// All threads of a Go program that its runtime knows, by tid: one to three reads for each. Every
/// one must be held for a result that is of one moment. Whatever the memory holds, this ends; what
/// cannot be read is left out. Empty when the list's place is not known.
std::vector<Machine> read_machines(MemoryReader& memory, const RuntimeLayout& layout);

/// The one that runs on a thread, as the program itself numbers it. @return nullptr.
const Machine* machine_of(const std::vector<Machine>& machines, uint64_t tid);

}  // namespace clew::go
