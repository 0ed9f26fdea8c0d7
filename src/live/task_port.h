#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "base/result.h"

namespace clew::os {
class ProcDir;
}

namespace clew::live {

/// What the engine asks /proc about the target's tasks. Virtual for the scripted kernel of the
/// tests.
class TaskPort {
 public:
  struct Facts {
    bool exists = false;
    char state = '?';  ///< as in proc_pid_status(5)
    pid_t tracer = 0;
    bool kill_pending = false;      ///< a SIGKILL is on its way
    uint64_t ignored_signals = 0;   ///< bit N-1 for signal N
    uint64_t caught_signals = 0;    ///< those that have a handler
    bool has_filter = false;        ///< seccomp, of either mode
    bool has_shadow_stack = false;  ///< of the processor: return addresses are checked
  };

  /// Which process a task belongs to, and who has made that; zero when it is gone.
  struct Lineage {
    pid_t process = 0;
    pid_t parent = 0;
  };

  virtual ~TaskPort() = default;

  virtual Result<std::vector<pid_t>> list() = 0;
  /// Threads that the process has, those that a tracer has yet to reap included; 0 when it is gone.
  virtual size_t count() = 0;
  virtual bool has(pid_t tid) = 0;
  virtual Facts facts(pid_t tid) = 0;
  /// Of any task, of other processes too.
  virtual Lineage lineage(pid_t tid) = 0;
  /// The CPU that a thread is on, or ran on last; -1 when it is gone.
  virtual int cpu(pid_t tid) = 0;
  /// Sends a signal to one thread (tgkill(2)). @return gone, permission.
  virtual Status send_signal(pid_t tid, int signal) = 0;
  /// The tid of the leader, which is the pid.
  virtual pid_t leader() = 0;
  /// The tid by which /proc knows clew as a tracer.
  virtual pid_t own_tid() = 0;
};

/// The real /proc; `proc` must outlive it.
std::unique_ptr<TaskPort> system_task_port(const os::ProcDir& proc);

}  // namespace clew::live
