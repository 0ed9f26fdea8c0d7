#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "live/memory_port.h"
#include "live/ptrace_port.h"
#include "live/task_port.h"
#include "live/wait_port.h"

namespace clew::live {

enum class Call {
  seize,
  interrupt,
  resume,
  resume_to_syscall,
  step,
  listen,
  detach,
  event_message,
  signal_info,
  pending_signals,
  signal_mask,
  set_signal_mask,
  read_registers,
  write_registers,
  poll,
  poll_any,
  peek,
  peek_any,
  read_memory,
  write_memory,
  sleep,
  list,
  count,
  has,
  facts,
};

const char* call_name(Call call);

/// One call that the engine has made. `argument` is the signal of a resume, step or detach.
struct CallRecord {
  Call call;
  pid_t tid = 0;
  int argument = 0;
  int error = 0;
};

struct QueuedSignal {
  int number = 0;
  int code = SI_QUEUE;
  int value = 0;
  bool planted = false;  ///< of a trap that the tracer has put into the text
};

/// A system call that a task sleeps in, and what it leaves in rax when it is broken off.
struct BlockingCall {
  uint64_t number = 0;
  int64_t broken_off = 0;
};

struct PtraceStop {
  int status = 0;  ///< as waitpid(2) gives it
  bool waited = false;
  bool peeked = false;        ///< the tracer has seen it, and not taken it
  bool takes_signal = false;  ///< a signal-delivery-stop: the resume decides on `signal`
  QueuedSignal signal;

  int event() const { return status >> 16; }
};

/// A task as the kernel sees it. Tests change what they need to.
struct Task {
  enum class Phase { alive, exiting, zombie };

  pid_t tid = 0;
  pid_t process = 0;
  uint64_t serial = 0;  ///< tells tasks that had the same tid apart
  Phase phase = Phase::alive;
  int exit_status = 0;
  bool uninterruptible = false;    ///< in state D: not even SIGKILL moves it
  pid_t vfork_child = 0;           ///< asleep until that child lets go of the memory
  bool in_exec = false;            ///< waits for the others to die
  bool exec_untold = false;        ///< has the leader's tid already, and yet to reach its exec stop
  bool stopped_natively = false;   ///< in state T, not traced
  bool paused_after_step = false;  ///< stays between a step and its SIGTRAP until let on
  bool hold_after_step = false;    ///< makes the next step end so
  bool refuses_tracer = false;     ///< EPERM with no tracer to name
  std::function<void()> on_step;   ///< what the next stepped instruction does
  std::deque<QueuedSignal> queue;
  uint64_t mask = 0;
  std::map<size_t, uint64_t> user_area;  ///< words of it that were written
  user_regs_struct registers{};
  std::optional<BlockingCall> call;
  bool call_broken_off = false;
  bool in_handler = false;
  uint64_t interrupted_pc = 0;

  pid_t tracer = 0;
  unsigned options = 0;
  std::optional<PtraceStop> stop;
  std::optional<QueuedSignal> injected;
  bool listening = false;
  bool trap_pending = false;    ///< JOBCTL_TRAP_STOP: an INTERRUPT or a birth
  bool notify_pending = false;  ///< JOBCTL_TRAP_NOTIFY: a group-stop has begun or ended
  bool stop_pending = false;    ///< JOBCTL_STOP_PENDING
  bool stop_dequeued = false;   ///< JOBCTL_STOP_DEQUEUED: no SIGCONT since a signal was taken
  bool kill_pending = false;
  bool single_step = false;
  bool syscall_trace = false;  ///< last resumed by PTRACE_SYSCALL
  bool in_traced_call = false;
  uint64_t message = 0;
  pid_t unannounced = 0;  ///< is inside clone(2): that child's event is to come first
};

struct Process {
  pid_t pid = 0;
  pid_t parent = 1;
  bool stopped = false;  ///< a group-stop is in force
  int stop_signal = 0;
  uint64_t ignored = 0;
  uint64_t handled = 0;
  std::deque<QueuedSignal> queue;  ///< sent to the process as a whole
  int exit_status = 0;             ///< for threads that are killed
};

/// A kernel in miniature that obeys ptrace(2) and the sources behind it (kernel/signal.c,
/// kernel/ptrace.c, kernel/exit.c) as far as an engine can tell. Nothing in it runs by itself:
/// tasks move on in sleep(), which is where the real tracer lets others have the CPU, and in
/// hooks, by which a test puts a happening at an exact point between two calls of the engine.
class ScriptedKernel final : public PtracePort,
                             public WaitPort,
                             public TaskPort,
                             public MemoryPort {
 public:
  static constexpr pid_t own = 7;  ///< tid of the tracer
  using Action = std::function<void()>;

  explicit ScriptedKernel(pid_t pid);

  // --- The script
  /// Runs `action` just before the `nth` such call from now on; tid 0 means any.
  void before(Call call, pid_t tid, int nth, Action action);
  /// Makes the `nth` such call from now on fail, with no other effect.
  void fail_call(Call call, pid_t tid, int nth, int error);
  /// One action a sleep(), in order.
  void at_sleep(Action action) { script_.push_back(std::move(action)); }
  /// Runs before every call of ptrace: for random happenings.
  Action before_any;
  /// Which tasks move on in a sleep(); all when empty.
  std::function<bool(const Task&)> may_move;
  bool signal_to_clew = false;
  /// SIGINT that the terminal has sent may be swallowed.
  bool typed_interrupts_may_be_kept = false;
  /// Lets a task move on at once after a call that sets it going, as on another CPU.
  bool eager = false;

  // --- The target's memory
  /// Code at `address`, and nothing else there.
  void put_code(uint64_t address, std::initializer_list<int> bytes);
  /// The thread comes to an address: the next time that it moves it executes what is there.
  void arrive(pid_t tid, uint64_t address) { task(tid).registers.rip = address; }
  static constexpr uint64_t vdso = 0x70000;
  std::map<uint64_t, std::byte> memory;
  bool refuses_pages = false;  ///< mmap(2) fails in the target
  uint64_t renewed = 0;        ///< how often the engine took the memory for another
  /// The thread by which the last write could have been made, and that of the memory before the
  /// last renewal.
  std::optional<pid_t> last_write_by, last_old_write_by;

  // --- What happens in the target
  Task& add_thread(pid_t tid);
  Task& add_process(pid_t pid);
  Task& task(pid_t tid);
  Task* find(pid_t tid);
  Process& process(pid_t pid) { return processes_[pid]; }
  Process& target() { return processes_[pid_]; }
  const std::map<pid_t, std::unique_ptr<Task>>& tasks() const { return tasks_; }

  /// The child exists (and is traced, if the parent is); its parent has yet to tell.
  void give_birth(pid_t parent, pid_t child, bool as_thread = true);
  void announce(pid_t parent, int event);
  void clone(pid_t parent, pid_t child);
  void clone_process(pid_t parent, pid_t child);
  void fork(pid_t parent, pid_t child);
  void vfork(pid_t parent, pid_t child);
  void end_vfork(pid_t parent);
  void exit_thread(pid_t tid, int code = 0);
  /// The thread was past its PTRACE_EVENT_EXIT when it was seized.
  void exit_silently(pid_t tid);
  void exit_process(pid_t tid, int code);
  void kill_process(pid_t pid, int signal = SIGKILL);
  void begin_exec(pid_t tid);
  /// The tid goes to a thread of another process.
  void give_tid_away(pid_t tid, pid_t to_process);
  /// Takes the task away with no status (reaped by someone else).
  void vanish(pid_t tid);
  void send(pid_t tid, int number, int value = 0, int code = SI_QUEUE);
  /// The thread has written to what that debug register watches.
  void run_into_watch(pid_t tid, unsigned slot);
  void send_to_process(pid_t pid, int number, int value = 0);
  /// The state of a process that was stopped by a signal before the tracer came.
  void stop_natively(int signal);
  void set_ignored(int number);
  void set_handled(int number);
  /// Lets one task, or all, move on as far as they can.
  void advance(pid_t tid);
  void advance_all();

  // --- What the tests look at
  struct Delivery {
    pid_t tid = 0;
    QueuedSignal signal;
    bool ignored = false;
  };
  std::vector<CallRecord> calls;
  std::vector<Delivery> deliveries;
  std::vector<std::string> violations;  ///< of what a tracer must never do
  std::map<pid_t, int> eintr_seen;      ///< broken-off calls that told the program so, no handler
  std::map<pid_t, int> eintr_handled;   ///< the same where a handler had run
  std::map<pid_t, int> restarts;

  int count_calls(Call call, pid_t tid, int argument = -1) const;
  int times_delivered(int value) const;
  bool is_traced(pid_t tid);
  size_t traced_count() const;
  /// True while it sits in a ptrace-stop.
  bool is_trapped(pid_t tid);

  // --- PtracePort
  PortResult seize(pid_t tid, unsigned options) override;
  PortResult interrupt(pid_t tid) override;
  PortResult resume(pid_t tid, int signal) override;
  PortResult step(pid_t tid, int signal) override;
  PortResult resume_to_syscall(pid_t tid, int signal) override;
  PortResult call_info(pid_t tid, bool& is_entry) override;
  PortResult set_options(pid_t tid, unsigned options) override;
  PortResult listen(pid_t tid) override;
  PortResult detach(pid_t tid, int signal) override;
  PortResult event_message(pid_t tid, uint64_t& message) override;
  PortResult signal_info(pid_t tid, siginfo_t& info) override;
  PortResult set_signal_info(pid_t tid, const siginfo_t& info) override;
  PortResult pending_signals(pid_t tid, std::span<siginfo_t> into, size_t& count) override;
  PortResult signal_mask(pid_t tid, uint64_t& mask) override;
  PortResult set_signal_mask(pid_t tid, uint64_t mask) override;
  PortResult read_registers(pid_t tid, unsigned set, MutableBytes into, size_t& size) override;
  PortResult write_registers(pid_t tid, unsigned set, Bytes from) override;
  PortResult read_user(pid_t tid, size_t offset, uint64_t& word) override;
  PortResult write_user(pid_t tid, size_t offset, uint64_t word) override;
  PortResult write_word(pid_t tid, uint64_t address, uint64_t word) override;

  // --- WaitPort
  RawWait poll(pid_t tid) override;
  RawWait poll_any() override;
  RawWait peek(pid_t tid) override;
  RawWait peek_any() override;
  RawWait take_stop(pid_t tid) override;
  Wake sleep(const Deadline& deadline, bool interruptible) override;

  // --- MemoryPort
  Result<size_t> read_memory(Addr address, MutableBytes into) override;
  Status write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) override;
  Result<std::vector<os::Mapping>> mappings() override;
  std::unique_ptr<MemoryPort> of_child(pid_t) override { return nullptr; }
  void renew() override {
    ++renewed;
    last_old_write_by = last_write_by;
  }

  // --- TaskPort
  Result<std::vector<pid_t>> list() override;
  size_t count() override;
  bool has(pid_t tid) override;
  Facts facts(pid_t tid) override;
  Lineage lineage(pid_t tid) override;
  /// The same of any process.
  Result<std::vector<pid_t>> list_of(pid_t process);
  size_t count_of(pid_t process);
  bool has_in(pid_t process, pid_t tid);
  Facts facts_in(pid_t process, pid_t tid);
  int cpu(pid_t) override { return -1; }
  Status send_signal(pid_t tid, int signal) override;
  pid_t leader() override { return pid_; }
  pid_t own_tid() override { return own; }

 private:
  struct Hook {
    Call call;
    pid_t tid = 0;
    int left = 0;
    Action action;
    int error = 0;
  };

  // Calls.
  int run_hooks(Call call, pid_t tid);
  /// Starts a request to a tracee that must be in a stop; nullptr with `result` set if it may not.
  Task* begin(Call call, pid_t tid, int argument, PortResult& result);
  PortResult record(Call call, pid_t tid, int argument, int error);
  void violate(Call call, pid_t tid, const std::string& what);
  void check_passed_on(Call call, const Task& task, int signal);
  RawWait take_status(Task& task);
  static RawWait look_at(Task& task, bool may_be_waited_for);

  // Tasks.
  Task& make_task(pid_t tid, pid_t process);
  void remove_task(pid_t tid);
  bool go_on(Task& task);
  void enter_stop(Task& task, int signal, int event, const QueuedSignal& info = {});
  void enter_event_stop(Task& task);
  void leave_stop(Task& task, int signal);
  std::optional<QueuedSignal> dequeue(Task& task);
  void enqueue(std::deque<QueuedSignal>& queue, const QueuedSignal& signal);
  bool is_dropped(const Task& task, int number);
  void prepare_signal(pid_t pid, int number);
  void deliver(Task& task, const QueuedSignal& signal);
  void start_group_stop(Task& task, int signal);
  void enter_handler(Task& task, const QueuedSignal& signal);
  void break_off_call(Task& task);
  void return_to_user(Task& task);
  bool execute_one(Task& task);
  bool run_into_trap(Task& task);
  bool trace_call(Task& task);
  int64_t make_call(const user_regs_struct& registers);
  void force_trap(Task& task);
  void start_exit(Task& task, int status);
  void become_zombie(Task& task);
  void kill_others(pid_t process, pid_t but, int status);
  void try_to_complete_exec(pid_t process);
  bool is_last_thread(const Task& task) const;

  pid_t pid_;
  std::map<pid_t, std::unique_ptr<Task>> tasks_;
  std::map<pid_t, Process> processes_;
  std::map<pid_t, pid_t> execs_;  ///< process to the thread that waits in exec
  uint64_t next_page_ = 0x800000;
  std::set<uint64_t> program_traps_;  ///< the program's own int3
  std::set<pid_t> known_dead_;        ///< the tracer has been told of their end
  std::deque<Action> script_;
  std::vector<Hook> hooks_;
  bool sigchld_ = false;
  uint64_t last_serial_ = 0;
};

/// What /proc shows of another process of that kernel than the first.
class ScriptedTasks final : public TaskPort {
 public:
  ScriptedTasks(ScriptedKernel& kernel, pid_t process) : kernel_(kernel), process_(process) {}

  Result<std::vector<pid_t>> list() override { return kernel_.list_of(process_); }
  size_t count() override { return kernel_.count_of(process_); }
  bool has(pid_t tid) override { return kernel_.has_in(process_, tid); }
  Facts facts(pid_t tid) override { return kernel_.facts_in(process_, tid); }
  Lineage lineage(pid_t tid) override { return kernel_.lineage(tid); }
  int cpu(pid_t tid) override { return kernel_.cpu(tid); }
  Status send_signal(pid_t tid, int signal) override { return kernel_.send_signal(tid, signal); }
  pid_t leader() override { return process_; }
  pid_t own_tid() override { return ScriptedKernel::own; }

 private:
  ScriptedKernel& kernel_;
  pid_t process_;
};

}  // namespace clew::live
