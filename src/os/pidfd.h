#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace clew::os {

/// Holds one process by a descriptor (pidfd_open(2)), so that a pid given to another process is
/// never acted on.
class Pidfd {
 public:
  /// @return gone or not_found when there is no such process or `pid` is the tid of a thread that
  /// is no leader.
  static Result<Pidfd> open(pid_t pid);

  /// True until the process has died and its parent was told. A process whose leader alone has
  /// exited is alive.
  bool is_alive() const;

  /// Sends a signal to the process (pidfd_send_signal(2)).
  Status send_signal(int signal) const;

  /// Becomes readable when the process ends.
  int fd() const { return fd_.value(); }

 private:
  explicit Pidfd(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace clew::os
