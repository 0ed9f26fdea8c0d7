#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clew {

/// Identity of a thread that survives the kernel's reuse of tids. `number` is clew's own: given in
/// order of sight, from 1, never reused, and what the user types.
struct ThreadId {
  pid_t tid = 0;
  uint32_t number = 0;

  friend bool operator==(const ThreadId&, const ThreadId&) = default;
};

/// What a thread does, as the session sees it.
enum class ThreadActivity : uint8_t {
  running,
  held,            ///< stopped by clew: its registers can be read
  held_stopped,    ///< stopped by clew and by a stop signal (SIGSTOP, …) as well
  stopped,         ///< stopped by a stop signal, and left so while clew runs the others
  exiting,         ///< past the point where it can be looked at
  uninterruptible  ///< asked to stop, but asleep in the kernel in a way that no signal ends (vfork,
                   ///< disk)
};

/// True when registers of the thread can be read and written.
constexpr bool is_held(ThreadActivity a) {
  return a == ThreadActivity::held || a == ThreadActivity::held_stopped;
}

struct Thread {
  ThreadId id;
  ThreadActivity activity = ThreadActivity::running;
};

}  // namespace clew
