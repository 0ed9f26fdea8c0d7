#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arch/arch.h"
#include "base/clock.h"
#include "inferior/run_request.h"
#include "inferior/thread.h"

namespace clew::live {

/// What the result of an interrupted system call says of how it goes on (the kernel's
/// include/linux/errno.h).
inline constexpr int64_t erestartnohand = 514, erestart_restartblock = 516;

/// More than any processor's XSAVE area (with AMX it is 11 KiB).
inline constexpr size_t extended_capacity = 16384;

/// What the kernel last told about one tracee, and what we have asked of it since.
enum class TraceeState : uint8_t {
  running,
  newborn,  ///< attached by its birth; its first stop has not been seen, but will come by itself
  stopped,  ///< in a ptrace-stop that ends with a resume and no signal
  signal_stopped,  ///< in a signal-delivery-stop: `signal` is not delivered yet
  group_stopped,   ///< in the ptrace-stop of a group-stop; a resume would end the group-stop for
                   ///< this thread
  listening,  ///< group-stopped and left so by PTRACE_LISTEN: no registers, but SIGCONT is noticed
  exiting,    ///< past PTRACE_EVENT_EXIT, or being killed: only its exit status is to come
};

/// Where in the kernel a stopped tracee stands, as far as it matters for calls in its name.
enum class StopPlace : uint8_t {
  ordinary,
  event,        ///< in the middle of fork(2), clone(2) or execve(2)
  vfork_event,  ///< the same of vfork(2): it sleeps until its child lets go of the memory
  call_entry,   ///< before a system call that is about to be made
};

const char* tracee_state_name(TraceeState state);

/// The kernel's facts of one tid. `foreign` are tracees that are no threads of the target (a fork's
/// child, which is traced from birth): they are let go at their first stop.
struct Tracee {
  ThreadId id;
  TraceeState state = TraceeState::running;
  bool foreign = false;
  bool interrupt_sent = false;  ///< PTRACE_INTERRUPT whose stop has not been seen
  bool stepping = false;        ///< last resumed by SINGLESTEP
  bool step_mode = false;       ///< the kernel would make one more step if its tracer were gone
  bool stuck = false;  ///< asked to stop and found in uninterruptible sleep: not waited for
  bool group_stop_seen = false;     ///< since it last ran by PTRACE_CONT
  bool rejoins_group_stop = false;  ///< was taken out of one to get rid of a trap's signal
  StopPlace place = StopPlace::ordinary;
  unsigned watches_version = 0;  ///< of the WatchTable that its debug registers have
  int signal = 0;                ///< for signal_stopped
  bool keeps_signal = false;     ///< to be held before the delivery of `signal`
  bool signal_in_step = false;   ///< a signal was delivered while a step was wanted
  uint64_t step_from = 0;        ///< pc at which the wanted step began
  /// SIGTRAP is known not to be blocked: it has made nothing but steps since that was looked at.
  bool trap_signal_open = false;
  bool trap_signal_unblocked = false;  ///< for a step; to be blocked again when that has ended
  /// A system call is stepped as such: 1 until its beginning, 2 until its end.
  int call_step = 0;
  /// The trap that it stands at and that has been told: it executes the instruction when it goes
  /// on, with no second hit. Good while pc and sp are these.
  std::optional<uint64_t> at_trap;
  uint64_t at_trap_sp = 0;
  /// It went on with a signal's delivery instead: the handler comes back to that instruction.
  bool at_trap_later = false;
  bool shares_memory = false;    ///< of a foreign one: a child of vfork, which runs into our traps
  bool is_kept = false;          ///< a foreign one that is held for whoever is to follow it
  bool registers_known = false;  ///< `registers` are those of the present stop
  arch::GeneralRegisters registers;
  std::optional<TimePoint>
      held_since;             ///< from the request to stop, or from a stop that came by itself
  TimePoint awaited_since{};  ///< while settle() waits for it

  bool is_trapped() const {
    return state == TraceeState::stopped || state == TraceeState::signal_stopped ||
           state == TraceeState::group_stopped;
  }
};

/// All tracees: by tid, and in the order in which they were found.
class TraceeTable {
 public:
  /// @return the new tracee; the tid must not be in the table.
  Tracee& add(pid_t tid, TraceeState state, bool foreign = false);
  Tracee* find(pid_t tid);
  const Tracee* find(pid_t tid) const;
  /// The Tracee is destroyed at the next compact(), so that loops over order() stay valid.
  void remove(pid_t tid);
  /// Only outside loops over order().
  void compact();

  /// Slots in order of sight; a removed one has `id.tid == 0`.
  const std::vector<std::unique_ptr<Tracee>>& order() const { return order_; }
  /// Those that are threads of the target.
  size_t thread_count() const { return index_.size() - foreign_count_; }
  bool empty() const { return index_.empty(); }

 private:
  std::unordered_map<pid_t, Tracee*> index_;
  std::vector<std::unique_ptr<Tracee>> order_;
  size_t foreign_count_ = 0;
  size_t removed_count_ = 0;
  uint32_t next_number_ = 1;
};

}  // namespace clew::live
