#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/addr.h"
#include "lang/go/stack_pool.h"

namespace clew::go {

/// runtime._Gidle and so on, without the bit that the garbage collector adds.
enum class GoroutineState : uint8_t {
  idle = 0,
  runnable = 1,
  running = 2,
  syscall = 3,
  waiting = 4,
  dead = 6,
  copying_stack = 8,
  preempted = 9,
  leaked = 10,
  dead_extra = 11
};
/// "running"; empty for a number that no version of the runtime uses.
std::string_view state_name(GoroutineState state);

/// One goroutine as it was at one moment. Kept small: there can be millions.
struct Goroutine {
  static constexpr uint32_t none = UINT32_MAX;

  uint64_t id = 0;
  Addr descriptor;  ///< of its runtime.g
  Addr machine;     ///< of the runtime.m that it is on; 0 when on none
  /// Where it goes on. Of one that runs: its thread's registers, if the thread is on its stack.
  Addr pc, sp, fp;
  Addr stack_low, stack_high;
  Addr go_pc;              ///< behind the go statement that made it; 0 for the first one
  Addr start_pc;           ///< the function that it began with
  uint64_t parent = 0;     ///< the goroutine that made it; 0 when that is not known
  int64_t wait_since = 0;  ///< ns of CLOCK_MONOTONIC, as the garbage collector has noted it; 0: not
  uint64_t label_pointer = 0;
  uint32_t labels = none;  ///< number in Goroutines::labels
  uint32_t stack =
      none;          ///< number in Goroutines::stacks: its places, as far as they were asked for
  pid_t thread = 0;  ///< that it is on, as clew numbers it; 0 for none
  uint8_t state_number = 0;
  uint8_t wait_reason = 0;
  bool is_scanned = false;        ///< the garbage collector looks at its stack
  bool is_exact = false;          ///< `pc` is an instruction itself, not the one behind a call
  bool has_broken_stack = false;  ///< its stack pointer is not within its stack

  GoroutineState state() const { return static_cast<GoroutineState>(state_number); }
};

/// Labels of runtime/pprof, by key.
using LabelSet = std::vector<std::pair<std::string, std::string>>;

/// All goroutines at one moment, those that have ended left out.
struct Goroutines {
  std::vector<Goroutine> all;  ///< as the runtime lists them
  StackPool stacks;
  std::vector<LabelSet> labels;
  std::vector<std::string> problems;  ///< what could not be read, one line each
  bool is_complete = true;            ///< false when time was up
};

}  // namespace clew::go
