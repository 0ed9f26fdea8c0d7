#pragma once

#include <array>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "arch/arch.h"
#include "inferior/function_call.h"
#include "inferior/inferior.h"
#include "live/attacher.h"
#include "live/neighbours.h"
#include "live/ptrace_port.h"
#include "live/run_policy.h"
#include "live/safety_net.h"
#include "live/task_port.h"
#include "live/tracee.h"
#include "live/trap_table.h"
#include "live/wait_queue.h"
#include "live/watch_table.h"
#include "live/x86_64/call_frame.h"

namespace clew::live {

/// Drives the tracees of one process: takes in what the kernel says and makes each do what the
/// present RunRequest wants. Knows the kernel only through its ports. Not thread-safe: one control
/// thread makes every call.
class Engine {
 public:
  /// Engines that live side by side on one control thread must know each other by `neighbours`.
  Engine(pid_t pid, PtracePort& ptrace, WaitPort& waits, TaskPort& tasks, MemoryPort& memory,
         const arch::Arch& arch, Neighbours* neighbours = nullptr);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  pid_t pid() const { return pid_; }

  /// Attaches to every thread; they run on. See Attacher::run().
  Result<AttachReport> attach(const Deadline& deadline, const Attacher::OnListed& on_listed);

  /// Takes in the one thread of a program that has just been started: seized, in the stop of its
  /// exec, which has been taken. It is held there.
  AttachReport adopt(pid_t tid);

  /// Attaches to one thread alone, stops it, has `visitor` look at it and lets it go.
  /// @return false when it could not be stopped before the deadline (it is let go when it wakes, or
  /// when clew ends); gone; permission.
  Result<bool> visit(pid_t tid, const Deadline& deadline,
                     const std::function<void(Tracee&)>& visitor);
  /// True when the kernel confirms that nothing is traced (any more) by this thread of clew; with
  /// other engines beside this one, nothing of this process.
  bool traces_nothing();
  /// True while a tracee of any kind is left, children that are yet to be let go included.
  bool has_tracees() const { return !tracees_.empty(); }

  HoldReport hold_all(const Deadline& deadline);
  void attend_first(std::vector<pid_t> tids) { first_ = std::move(tids); }
  void apply(RunRequest request);
  Status step(ThreadId id, uint64_t count, const std::function<bool()>& go_on,
              const Deadline& deadline, uint64_t& done);
  Status step(ThreadId id, const Deadline& deadline) {
    uint64_t done = 0;
    return step(id, 1, {}, deadline, done);
  }
  /// See RunControl. `needs_net`: it may be left in step mode, should clew die.
  Result<bool> lead(ThreadId id, const std::function<Lead()>& next, const Deadline& deadline,
                    bool needs_net = true);
  Result<CallEnd> call_function(ThreadId id, const FunctionCall& call, const Deadline& deadline);
  void pump(std::span<const pid_t> named);
  std::vector<Event> take_events();
  DetachReport detach(const Deadline& deadline);
  void keep_typed_interrupts(bool keep) { typed_interrupts_kept_ = keep; }
  void keep_children(Children what) { children_ = what; }
  std::vector<pid_t> kept_children() const;
  bool give_child(pid_t child);
  void release_child(pid_t child);
  void hold_at_exec(bool hold) { holds_at_exec_ = hold; }

  // See RunControl.
  Status set_trap(Addr address);
  Status clear_trap(Addr address);
  void on_hit(HitHandler handler) { hit_handler_ = std::move(handler); }
  void on_broken_off(BrokenOffHandler handler) { broken_off_handler_ = std::move(handler); }
  Result<unsigned> set_watch(const WatchedPlace& place);
  Status clear_watch(unsigned slot);
  void on_watch(WatchHandler handler) { watch_handler_ = std::move(handler); }
  void on_act(ActHandler handler) { act_handler_ = std::move(handler); }
  void catch_acts(unsigned kinds) { caught_acts_ = kinds; }
  void on_signal(SignalHandler handler) { signal_handler_ = std::move(handler); }
  bool is_stop_wanted() const { return stop_wanted_; }
  void pass_trap(ThreadId id);
  TrapTable& traps() { return traps_; }
  void set_safety_net(bool wanted) { wants_net_ = wanted; }
  const std::string& net_failure() const { return net_failure_; }

  const TraceeTable& tracees() const { return tracees_; }
  /// The held tracee of that identity. @return gone, stale (the tid is another thread's now) or
  /// not_stopped.
  Result<Tracee*> held(ThreadId id);
  /// General registers of a held tracee, read once a stop. @return gone.
  Result<const arch::GeneralRegisters*> registers(Tracee& tracee);
  Status write_registers(Tracee& tracee, const arch::GeneralRegisters& registers);

  /// False once nothing of the process is traced any more.
  bool is_alive() const { return alive_; }
  PauseTimes pause_times() const;

  static ThreadActivity activity(const Tracee& tracee);

 private:
  // What the kernel said.
  void handle(WaitEvent event);
  void handle_known(Tracee& tracee, WaitEvent& event);
  void on_end(Tracee& tracee, const WaitEvent& event);
  void on_exit_event(Tracee& tracee);
  void on_birth(Tracee& parent, const WaitEvent& event);
  void on_exec(const WaitEvent& event);
  void on_interrupt_stop(Tracee& tracee);
  void on_group_stop(Tracee& tracee, int signal);
  void on_signal_stop(Tracee& tracee, int signal);
  bool is_typed_interrupt(const Tracee& tracee, int signal);
  void on_vanished(Tracee& tracee);
  void note_process_end(const WaitEvent& event);
  void note_leader_exit();
  bool seize_latecomers();
  void note_nobody_left();
  /// Lives, and nobody traces it.
  bool is_untraced(pid_t tid);
  void adopt_early();
  bool has_neighbours() const { return neighbours_ != nullptr && neighbours_->has_others(*this); }
  bool is_for_neighbour(pid_t tid);
  bool expect_heir(bool trap_signal_unblocked);
  void look_after_failed_interrupt(pid_t tid);

  // What we make of it.
  void reconcile(Tracee& tracee);
  void perform(Tracee& tracee, Action action);
  void note_stop(Tracee& tracee, TraceeState state, int signal = 0);
  void note_resumed(Tracee& tracee, TraceeState state);
  void note_dying(Tracee& tracee);
  void give_up_step(Tracee& tracee, std::string why);
  Status step_one(ThreadId id, const Deadline& deadline);
  Result<bool> run_led(ThreadId id);
  bool others_run(ThreadId but) const;
  void leave_step_mode(ThreadId id);
  Status check_step(Tracee& tracee);
  void unblock_trap_signal(Tracee& tracee);
  void restore_trap_signal(Tracee& tracee);
  void block_trap_signal(Tracee& tracee);
  PortResult resume_for_step(Tracee& tracee);
  bool steps_as_call(Tracee& tracee);
  bool is_in_call_step(Tracee& tracee);
  void on_call_end(Tracee& tracee);
  bool is_own_step(Tracee& tracee);
  bool flush_trap(Tracee& tracee);
  void hide_stop_from_syscall(Tracee& tracee);
  bool is_eintr_suspect(Tracee& tracee);

  // Traps (traps.cpp).
  void insert_traps();
  void lift_traps();
  Status spread_net();
  /// While traps are in the text.
  Status set_trap_also(Addr address);
  void mend_net();
  void remove_net();
  void clean_child(Tracee& child);
  void keep_child(Tracee& child);
  CallTarget caller();
  std::vector<pid_t> prepare_trap_signals();
  bool take_hit(Tracee& tracee, WaitEvent& event);
  void judge_hit(Tracee& tracee, const Trap& trap);
  void note_passing_hit(pid_t tid);
  void serve_hot_thread();
  void leave_slot(Tracee& tracee);
  void enter_slot(Tracee& tracee);
  static void note_told(Tracee& tracee, Addr trap, uint64_t sp);
  void tell_broken_off(Tracee& tracee);
  bool is_behind_trap(Tracee& tracee);
  void step_over_lifted();
  bool is_everything_held() const;
  Result<Addr> map_pages(Addr near, uint64_t size);
  Result<Tracee*> any_held();

  // Watched memory (watches.cpp).
  Status load_watches(Tracee& tracee);
  PortResult write_debug_register(const Tracee& tracee, unsigned number, uint64_t value);
  bool take_watch_hit(Tracee& tracee, WaitEvent& event);
  void tell_watch_hits(Tracee& tracee);
  void follow_verdict(const Tracee& tracee, HitVerdict verdict);

  // What can be caught (acts.cpp).
  bool catches(ActKind kind) const;
  HitVerdict tell_act(Tracee& tracee, ActKind kind, int64_t detail, int64_t result = 0);
  PortResult let_run(const Tracee& tracee, int signal);
  void on_call_stop(Tracee& tracee);
  Status leave_event(Tracee& tracee);

  // System calls made in the target's name (inject.cpp).
  /// Where a thread makes calls: code that was written over `before`, or, where that is empty, an
  /// instruction of the target's own.
  struct CallSite {
    Addr code;
    std::vector<std::byte> before;
  };
  Result<std::vector<int64_t>> call_target(Tracee& tracee, MemoryPort& memory,
                                           std::span<const TargetCall> calls);
  Result<CallSite> prepare_call_site(const Tracee& tracee, MemoryPort& memory,
                                     const arch::GeneralRegisters& saved, uint64_t mask);
  void leave_call_site(Tracee& tracee, const arch::GeneralRegisters& saved, uint64_t mask);
  Result<int64_t> call_once(Tracee& tracee, const TargetCall& call, Addr code,
                            const arch::GeneralRegisters& saved);
  Status suspend_seccomp(pid_t tid);
  void resume_seccomp(pid_t tid);
  void wait_for_stop_of(ThreadId id);
  Status run_to_syscall_stop(Tracee& tracee);
  Result<Addr> find_syscall_code();
  Result<Addr> find_target_call_room();
  void tell_exec_in_call();

  // Functions that a thread calls for the user (call.cpp).
  /// What a call changes of a thread.
  struct SavedThread {
    arch::GeneralRegisters registers;
    std::vector<std::byte> extended;
    uint64_t mask = 0;
    int signal = 0;  ///< before whose delivery it was held
    siginfo_t signal_info{};
    std::optional<uint64_t> at_trap;
    uint64_t at_trap_sp = 0;
  };
  struct ActiveCall {
    ThreadId id;
    Addr code_at, end_pc;
    std::vector<std::byte> code_before;
    SavedThread saved;
    bool has_returned = false;
    int signal = 0;             ///< that has ended it
    bool rest_is_lost = false;  ///< of a system call's time: see restart_syscall(2)
  };
  Status check_call(Tracee& tracee);
  Status check_filter(pid_t tid);
  Result<Addr> find_call_code();
  Status save_thread(Tracee& tracee, SavedThread& saved);
  Status check_stack(Addr start);
  Result<CallEnd> begin_call(Tracee& tracee, const FunctionCall& call);
  Result<CallEnd> await_call(ThreadId id, const Deadline& deadline);
  bool take_call_stop(Tracee& tracee, const WaitEvent& event);
  bool take_call_signal(Tracee& tracee, int signal);
  void on_syscall_in_call(Tracee& tracee);
  void end_call(Tracee& tracee);
  void undo_call(ThreadId id, CallEnd& end);
  void skip_system_call(Tracee& tracee);
  void restore_thread(ThreadId id);
  void restore_signal(Tracee& tracee, const SavedThread& saved);
  void remove_call_code(const ActiveCall& done);

  // Waiting.
  enum class Settled { yes, timeout, cancelled };
  Settled settle(const Deadline& deadline, bool interruptible);
  static bool is_sweep_due(unsigned ticks);
  void wait_until_settled(ThreadId id, const Deadline& deadline);
  Status break_off_step(Tracee& tracee, bool by_signal);
  void look_at_stuck();
  void sweep();
  void sweep_any();
  Deadline end_of_sweep() const;
  bool sweep_beside_others();
  void vanish_all();
  void mark_if_stuck(Tracee& tracee);
  bool is_settled_now(const Tracee& tracee) const {
    return is_settled(tracee, request_.of(tracee.id.tid));
  }

  pid_t pid_;
  PtracePort& ptrace_;
  Neighbours* neighbours_;
  WaitQueue queue_;
  TaskPort& tasks_;
  MemoryPort& memory_;
  const arch::Arch& arch_;
  TrapTable traps_;
  SafetyNet net_;
  bool wants_net_ = true;
  bool seccomp_suspended_ = false;
  std::string net_failure_;  ///< why there is none
  TimePoint net_looked_at_{};
  HitHandler hit_handler_;
  BrokenOffHandler broken_off_handler_;
  SignalHandler signal_handler_;
  WatchTable watches_;
  WatchHandler watch_handler_;
  ActHandler act_handler_;
  unsigned caught_acts_ = 0;
  bool stop_wanted_ = false;
  /// Who has run into traps since the last look and went on at once.
  struct PassingHits {
    pid_t tid = 0;
    unsigned count = 0;
    bool of_several = false;
  };
  PassingHits passing_hits_;
  std::vector<ThreadId> to_step_lifted_;  ///< stand at traps whose instruction cannot be copied
  std::optional<Addr> syscall_code_;
  std::optional<WaitEvent> exec_in_call_;  ///< of another thread, seen during a call for clew
  std::optional<Addr> target_call_room_;   ///< good until a thread runs, which may unmap it
  std::optional<ActiveCall> call_;
  std::set<uint64_t> lost_call_code_;  ///< of calls that could not be ended
  TraceeTable tracees_;
  std::vector<pid_t> first_;  ///< see attend_first()
  RunRequest request_ = RunRequest::all(Wanted::run);
  std::vector<Event> events_;
  bool alive_ = false;
  size_t not_ours_ = 0;  ///< threads that cannot be traced, as of the last attach
  bool job_stopped_ = false;
  bool leader_exit_told_ = false;
  bool typed_interrupts_kept_ = false;
  bool holds_at_exec_ = false;
  Children children_ = Children::let_go;
  std::optional<bool>
      trap_signal_ignored_;   ///< unknown again whenever the target may have changed it
  std::string step_failure_;  ///< why the last step was given up
  Duration longest_pause_{};
};

}  // namespace clew::live
