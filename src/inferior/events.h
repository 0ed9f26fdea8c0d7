#pragma once

#include <sys/types.h>

#include <string>
#include <variant>
#include <vector>

#include "inferior/thread.h"

namespace clew {

/// News from the target, in the order in which the kernel told it.
struct ThreadBorn {
  ThreadId id;
};
struct ThreadExited {
  ThreadId id;
  int exit_code = 0;
};
struct LeaderExited {
  ThreadId id;  ///< the other threads live on
};
/// A stop signal has stopped the whole process; it stays so until SIGCONT.
struct JobStopped {
  int signal = 0;
};
struct JobContinued {};
struct Executed {
  pid_t former_tid = 0;  ///< of the thread that called exec; it has the leader's tid now
  ThreadId id;
};
struct Forked {
  ThreadId parent;
  pid_t child = 0;
  bool followed = false;  ///< else it is not traced any more
};
struct ProcessExited {
  int exit_code = 0;
};
struct ProcessKilled {
  int signal = 0;
  bool core_dumped = false;
};
/// A child that is kept for whoever is to follow it: see RunControl::keep_children().
struct ChildKept {
  pid_t child = 0;
};
/// The last thread went without a status that we could read (its leader had been a zombie before we
/// came).
struct ProcessVanished {};

/// Ctrl-C was typed at the terminal that the target has: its SIGINT was kept from it (see
/// RunControl::keep_typed_interrupts()).
struct TypedInterrupt {
  ThreadId id;
};

using Event =
    std::variant<ThreadBorn, ThreadExited, LeaderExited, JobStopped, JobContinued, Executed, Forked,
                 ProcessExited, ProcessKilled, ProcessVanished, TypedInterrupt, ChildKept>;

}  // namespace clew
