#pragma once

#include <cstdint>
#include <functional>

#include "arch/arch.h"
#include "base/addr.h"
#include "inferior/thread.h"

namespace clew {

/// What becomes of a thread that has run into a trap. It stands before the trapped instruction.
enum class HitVerdict : uint8_t {
  go_on,        ///< it executes the instruction and runs on; nobody else is stopped
  hold_thread,  ///< it alone is held
  hold_all,     ///< every thread is to be held: see RunControl::is_stop_wanted()
};

/// One arrival of one thread at one trap. Each is told once, however often the thread is stopped
/// there for other reasons.
struct TrapHit {
  ThreadId thread;
  Addr address;
  const arch::GeneralRegisters& registers;  ///< pc is `address`
};

/// Decides on a hit, while all other threads may be running: it must be quick, and may read memory
/// but stop nothing.
using HitHandler = std::function<HitVerdict(const TrapHit&)>;

/// Told of a hit that was told before, whose thread a signal's handler breaks off before it has
/// executed the instruction. @return true when whoever comes there next in its place will be known:
/// that is told as a hit then.
using BrokenOffHandler = std::function<bool(const TrapHit&)>;

/// Which accesses to memory are watched. The processor cannot watch for reads alone.
enum class WatchKind : uint8_t { write, access };

/// One access to watched memory, told behind the instruction that made it.
struct WatchHit {
  ThreadId thread;
  unsigned slot = 0;  ///< which of the hardware's watchpoints
  const arch::GeneralRegisters& registers;
};
using WatchHandler = std::function<HitVerdict(const WatchHit&)>;

/// What a thread does that can be caught.
enum class ActKind : uint8_t { fork, vfork, clone, exec, call, call_return, signal };
constexpr unsigned act_bit(ActKind kind) { return 1U << static_cast<unsigned>(kind); }

struct Act {
  ThreadId thread;
  ActKind kind = ActKind::fork;
  /// Of fork, vfork and clone the child; of a call its number; of a signal that.
  int64_t detail = 0;
  int64_t result = 0;  ///< of call_return
  const arch::GeneralRegisters& registers;
};
using ActHandler = std::function<HitVerdict(const Act&)>;

/// What becomes of a signal that the target is to get.
struct SignalVerdict {
  bool deliver = true;
  bool stop = false;  ///< every thread is to be held, this one before the delivery
};
using SignalHandler = std::function<SignalVerdict(ThreadId, int signal)>;

}  // namespace clew
