#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace clew::live {

/// How a ptrace call ended. ESRCH is no error to this engine: the thread has exited, or a SIGKILL
/// has just taken it out of its stop (ptrace(2), "Death under ptrace").
struct PortResult {
  int error = 0;  ///< errno, 0 when it was done

  bool is_ok() const { return error == 0; }
  bool is_gone() const { return error == ESRCH; }
  bool is_denied() const { return error == EPERM; }
  /// Of a seize alone: the process is in the middle of an execve(2); see escapable_seize().
  bool is_busy() const { return error == EAGAIN; }
};

/// Every call of ptrace(2) that clew makes. Virtual so that a scripted kernel can stand in under
/// test; each call is logged (area "ptrace"). All calls for a tracee must come from the thread that
/// seized it.
class PtracePort {
 public:
  virtual ~PtracePort() = default;

  virtual PortResult seize(pid_t tid, unsigned options) = 0;
  virtual PortResult interrupt(pid_t tid) = 0;
  virtual PortResult resume(pid_t tid, int signal) = 0;
  virtual PortResult step(pid_t tid, int signal) = 0;
  /// Lets it run up to its next entry to or return from a system call (PTRACE_SYSCALL).
  virtual PortResult resume_to_syscall(pid_t tid, int signal) = 0;
  /// Whether a tracee in a system call stop is at the beginning of its call
  /// (PTRACE_GET_SYSCALL_INFO), or at its end.
  virtual PortResult call_info(pid_t tid, bool& is_entry) = 0;
  virtual PortResult set_options(pid_t tid, unsigned options) = 0;
  /// Leaves a group-stop in force and the tracee able to notice SIGCONT.
  virtual PortResult listen(pid_t tid) = 0;
  virtual PortResult detach(pid_t tid, int signal) = 0;
  virtual PortResult event_message(pid_t tid, uint64_t& message) = 0;
  virtual PortResult signal_info(pid_t tid, siginfo_t& info) = 0;
  /// In the stop before the delivery of a signal: what is delivered instead.
  virtual PortResult set_signal_info(pid_t tid, const siginfo_t& info) = 0;
  /// The oldest signals queued for this one thread, not taken; `count` becomes how many were
  /// written.
  virtual PortResult pending_signals(pid_t tid, std::span<siginfo_t> into, size_t& count) = 0;
  virtual PortResult signal_mask(pid_t tid, uint64_t& mask) = 0;
  virtual PortResult set_signal_mask(pid_t tid, uint64_t mask) = 0;
  /// Reads a register set (NT_PRSTATUS, …) into `into`; `size` becomes the bytes that the kernel
  /// gave.
  virtual PortResult read_registers(pid_t tid, unsigned set, MutableBytes into, size_t& size) = 0;
  virtual PortResult write_registers(pid_t tid, unsigned set, Bytes from) = 0;
  /// Words of the tracee's USER area (debug registers).
  virtual PortResult read_user(pid_t tid, size_t offset, uint64_t& word) = 0;
  virtual PortResult write_user(pid_t tid, size_t offset, uint64_t word) = 0;
  virtual PortResult write_word(pid_t tid, uint64_t address, uint64_t word) = 0;
};

/// The real kernel.
std::unique_ptr<PtracePort> system_ptrace_port();

}  // namespace clew::live
