#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "base/addr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/memory_reader.h"
#include "base/result.h"
#include "inferior/events.h"
#include "inferior/function_call.h"
#include "inferior/run_request.h"
#include "inferior/thread.h"
#include "inferior/traps.h"

namespace clew {

/// A thread that could not be attached to.
struct DeniedThread {
  pid_t tid = 0;
  std::string reason;
};

struct AttachReport {
  size_t seized = 0;  ///< threads that are clew's now, those taken in by birth included
  size_t gone = 0;    ///< exited between the listing and the attach
  std::vector<DeniedThread> denied;
  bool leader_is_zombie = false;
  int passes = 0;  ///< listings of /proc/PID/task that it took until nothing was new
  bool cancelled = false;
};

struct HoldReport {
  size_t held = 0;
  /// Threads that have not stopped: in uninterruptible sleep, or not before the deadline.
  std::vector<ThreadId> not_held;
  bool timed_out = false;
  bool cancelled = false;
};

struct DetachReport {
  size_t released = 0;
  /// Tids that could not be let go yet, since they cannot stop; the kernel lets them go when clew
  /// ends.
  std::vector<pid_t> remaining;
  /// The kernel has confirmed that clew traces nothing any more (waitpid(2): ECHILD).
  bool verified = false;
  Duration longest_pause{};  ///< of any one thread: from the request to stop to its release
};

struct PauseTimes {
  Duration longest{};  ///< the longest that any one thread was stopped since the last reset
  Duration current{};  ///< how long the present stop has lasted; zero when nothing is held
};

/// What becomes of the processes that a process makes.
enum class Children : uint8_t {
  let_go,
  keep_one,           ///< the next one is kept, and a stop of all is wanted
  keep_all,           ///< while the process runs on
  keep_all_and_stop,  ///< the same, and a stop of all is wanted each time
};

/// The part that a live process has and a core file lacks. All calls are made on the thread that
/// attached: the kernel binds a tracee to it.
class RunControl {
 public:
  virtual ~RunControl() = default;

  /// Asks every thread to stop and waits until all have, or cannot. Threads born meanwhile are
  /// taken in.
  virtual HoldReport hold_all(const Deadline& deadline) = 0;

  /// Threads that are known to run, which hold_all() and detach() are to stop and to let go before
  /// the others: let go last, one that wants a CPU would wait for it behind all the sleepers that
  /// were woken with it. Tids that are gone do no harm.
  virtual void attend_first(std::vector<pid_t> tids) = 0;

  /// Makes every thread do what `request` says. Returns at once; stops that it asks for arrive by
  /// pump().
  virtual void apply(const RunRequest& request) = 0;

  /// Up to `count` instructions of one held thread, the others as they are; waits for their end.
  /// After each but the last `go_on`, when there is one, says whether to make another. `done`
  /// becomes how many were made, also when an error came.
  /// @return not_stopped, gone, cancelled (a signal to clew came first; the thread is held again),
  /// timeout, unsupported with the reason when the step would change the target for good.
  virtual Status step(ThreadId id, uint64_t count, const std::function<bool()>& go_on,
                      const Deadline& deadline, uint64_t& done) = 0;
  /// The same for one instruction.
  Status step(ThreadId id, const Deadline& deadline) {
    uint64_t done = 0;
    return step(id, 1, {}, deadline, done);
  }

  /// Leads one held thread, the others as they are: asks `next`, with it held, what it is to do,
  /// and waits for the end of that, until `next` has it left. What the others do meanwhile is
  /// attended to now and then.
  /// @return false when it runs on, for longer than some ms or since something else wants
  /// attention: pump() tells the rest. Errors as of step().
  virtual Result<bool> lead(ThreadId id, const std::function<Lead()>& next,
                            const Deadline& deadline) = 0;

  /// Has a held thread call a function, with only it and the threads that the call starts running,
  /// and waits for the end. Needs every thread held, and holds every thread afterwards: see CallEnd
  /// for what has become of this one. Signals that are sent meanwhile are delivered when it goes
  /// on.
  /// @return gone, not_stopped, and when it cannot be called now or here, with nothing changed:
  /// unavailable, unsupported, fault.
  virtual Result<CallEnd> call_function(ThreadId id, const FunctionCall& call,
                                        const Deadline& deadline) = 0;

  /// Takes in whatever the kernel has to say and acts on it. `named` are tids that SIGCHLD has
  /// named, asked first.
  virtual void pump(std::span<const pid_t> named) = 0;

  /// Events since the last call, oldest first.
  virtual std::vector<Event> take_events() = 0;

  /// Wants a trap at an address; counted, so that each needs one clear_trap(). It is in the text
  /// only while something runs. Needs every thread held, or, while traps are in the text, one.
  /// @return not_stopped, fault, unsupported with the reason when the target cannot be trapped
  /// without changing it for good, unavailable when one more needs all held.
  virtual Status set_trap(Addr address) = 0;
  /// Needs every thread held.
  virtual Status clear_trap(Addr address) = 0;
  /// Without a safety net nothing is written into the target but the traps themselves, and it dies
  /// should clew be killed among them. Before the first trap.
  virtual void set_safety_net(bool wanted) = 0;
  /// Who decides on hits; without one every hit holds all.
  virtual void on_hit(HitHandler handler) = 0;
  /// Who knows that threads do not go on by themselves behind a handler; without one each does.
  virtual void on_broken_off(BrokenOffHandler handler) = 0;
  /// Watches `size` bytes (1, 2, 4 or 8, at a multiple of that) in every thread, present and to
  /// come. Needs every thread held. @return the number of the processor's watchpoint; unavailable
  /// when all are taken, bad_request, not_stopped.
  virtual Result<unsigned> set_watch(Addr address, unsigned size, WatchKind kind) = 0;
  virtual Status clear_watch(unsigned slot) = 0;
  /// Who decides on accesses; without one every access holds all.
  virtual void on_watch(WatchHandler handler) = 0;
  /// Who decides on what threads do, of the kinds whose bits (act_bit) are set. Once system calls
  /// are among them, each costs the target two stops.
  virtual void on_act(ActHandler handler) = 0;
  virtual void catch_acts(unsigned kinds) = 0;
  /// Who decides on the target's signals; without one they are delivered.
  virtual void on_signal(SignalHandler handler) = 0;
  /// True when a hit or a signal since the last hold_all() demands that every thread be held.
  virtual bool is_stop_wanted() const = 0;
  /// A held thread that stands at `address` has been there before the trap was set: its going on is
  /// no hit.
  virtual void pass_trap(ThreadId id) = 0;

  virtual Status write_general(ThreadId id, const arch::GeneralRegisters& registers) = 0;
  virtual Status write_extended(ThreadId id, Bytes state) = 0;
  virtual Status write_debug(ThreadId id, size_t index, uint64_t value) = 0;
  /// Writes into memory, read-only text too; the target may run. All or nothing is not promised:
  /// the error says how far.
  virtual Status write_memory(Addr address, Bytes data) = 0;

  /// Leaves every thread as it was found. The object can only pump() afterwards.
  virtual DetachReport detach(const Deadline& deadline) = 0;

  /// SIGKILL to the process.
  virtual Status kill() = 0;

  /// Sends any signal to the process, as kill(2) does.
  virtual Status send_signal(int signal) = 0;

  virtual PauseTimes pause_times() const = 0;

  /// From now on a SIGINT that the terminal has sent (Ctrl-C) is not delivered but told as
  /// TypedInterrupt; one that a process has sent is delivered as ever.
  virtual void keep_typed_interrupts(bool keep) = 0;

  /// Children that are kept are held instead of being let go: at their first instruction, those of
  /// vfork(2) at that of the program that they execute. ChildKept tells.
  virtual void keep_children(Children what) = 0;
  /// Those that are kept and live.
  virtual std::vector<pid_t> kept_children() const = 0;
  /// Forgets a child that Backend::take_over() has taken. @return false when it is not kept (any
  /// more).
  virtual bool give_child(pid_t child) = 0;
  /// Lets one go that is not to be kept after all.
  virtual void release_child(pid_t child) = 0;
  /// True while something is traced on behalf of the process, also when that has ended or was let
  /// go: pump() is due then.
  virtual bool has_tracees() const = 0;

  /// From now on a thread that executes a program is held before that program's first instruction.
  virtual void hold_at_exec(bool hold) = 0;
};

/// A program with threads, registers and memory: a live process or a core file.
class Inferior : public MemoryReader {
 public:
  virtual pid_t pid() const = 0;
  virtual const arch::Arch& arch() const = 0;
  /// False once the program has ended or was let go.
  virtual bool is_alive() const = 0;

  /// By number.
  virtual std::vector<Thread> threads() const = 0;

  /// @return not_stopped when the thread runs, gone when it is no more. The registers of a held
  /// thread are cached: the pointer is good until the thread runs.
  virtual Result<const arch::GeneralRegisters*> general(ThreadId id) = 0;
  virtual Result<std::vector<std::byte>> extended(ThreadId id) = 0;
  virtual Result<uint64_t> debug(ThreadId id, size_t index) = 0;

  /// What the kernel says of the signal that a held thread is stopped before, as siginfo_t of
  /// sigaction(2). @return not_found when it is not stopped by one, not_stopped, gone.
  virtual Result<std::vector<std::byte>> signal_info(ThreadId id) {
    (void)id;
    return fail(ErrorCode::not_found, "no thread is held before a signal here");
  }

  /// nullptr when it cannot run (a core file).
  virtual RunControl* run_control() = 0;
};

}  // namespace clew
