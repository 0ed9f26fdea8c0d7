// The side of the scripted kernel that the engine calls: ptrace, wait and /proc.

#include "scripted_kernel.h"

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace clew::live {

const char* call_name(Call call) {
  static constexpr const char* names[] = {"seize",          "interrupt",
                                          "resume",         "resume_to_syscall",
                                          "step",           "listen",
                                          "detach",         "event_message",
                                          "signal_info",    "pending",
                                          "signal_mask",    "set_mask",
                                          "read_registers", "write_registers",
                                          "poll",           "poll_any",
                                          "peek",           "peek_any",
                                          "read_memory",    "write_memory",
                                          "sleep",          "list",
                                          "count",          "has",
                                          "facts"};
  return names[static_cast<size_t>(call)];
}

void ScriptedKernel::before(Call call, pid_t tid, int nth, Action action) {
  hooks_.push_back({call, tid, nth, std::move(action), 0});
}

void ScriptedKernel::fail_call(Call call, pid_t tid, int nth, int error) {
  hooks_.push_back({call, tid, nth, {}, error});
}

int ScriptedKernel::run_hooks(Call call, pid_t tid) {
  int error = 0;
  std::vector<Action> due;
  for (Hook& hook : hooks_) {
    if (hook.call != call || (hook.tid != 0 && hook.tid != tid) || hook.left <= 0) continue;
    if (--hook.left > 0) continue;
    if (hook.action) due.push_back(hook.action);
    if (hook.error != 0) error = hook.error;
  }
  // After the loop: an action may add hooks.
  for (const Action& action : due) action();
  return error;
}

PortResult ScriptedKernel::record(Call call, pid_t tid, int argument, int error) {
  calls.push_back({call, tid, argument, error});
  return {error};
}

void ScriptedKernel::violate(Call call, pid_t tid, const std::string& what) {
  violations.push_back(fmt::format("{} {}: {}", call_name(call), tid, what));
}

int ScriptedKernel::count_calls(Call call, pid_t tid, int argument) const {
  return static_cast<int>(std::count_if(calls.begin(), calls.end(), [&](const CallRecord& c) {
    return c.call == call && (tid == 0 || c.tid == tid) && (argument < 0 || c.argument == argument);
  }));
}

int ScriptedKernel::times_delivered(int value) const {
  return static_cast<int>(
      std::count_if(deliveries.begin(), deliveries.end(),
                    [&](const Delivery& d) { return d.signal.value == value; }));
}

// --- ptrace

/// What a tracer may ask of a stop that it has only looked at: nothing that ends it.
static bool may_precede_take(Call call) {
  return call == Call::read_registers || call == Call::write_registers || call == Call::signal_info;
}

Task* ScriptedKernel::begin(Call call, pid_t tid, int argument, PortResult& result) {
  if (before_any) before_any();
  int error = run_hooks(call, tid);
  Task* task = error == 0 ? find(tid) : nullptr;
  if (error == 0 && known_dead_.contains(tid)) violate(call, tid, "the tracer knows it is dead");
  if (task != nullptr && task->tracer != own) {
    // Without the tracer's knowledge a tracee ends only by another thread's exec.
    if (task->tid != task->process) violate(call, tid, "is not its tracee");
    task = nullptr;
  }
  if (task != nullptr && call != Call::interrupt) {
    const bool dying = task->kill_pending || task->phase != Task::Phase::alive || task->in_exec ||
                       task->exec_untold;
    if (!task->stop || task->listening || task->kill_pending) {
      if (!dying) violate(call, tid, "is not in a stop");
      task = nullptr;
    } else if (!task->stop->waited && !(task->stop->peeked && may_precede_take(call)) &&
               task->stop->event() != PTRACE_EVENT_EXIT) {
      violate(call, tid, "is in a stop that was not waited for");
    }
  }
  if (error == 0 && task == nullptr) error = ESRCH;
  result = record(call, tid, argument, error);
  return task;
}

PortResult ScriptedKernel::seize(pid_t tid, unsigned options) {
  if (before_any) before_any();
  if (const int error = run_hooks(Call::seize, tid)) return record(Call::seize, tid, 0, error);
  Task* task = find(tid);
  if (task == nullptr) return record(Call::seize, tid, 0, ESRCH);
  if (task->tracer != 0 || task->phase == Task::Phase::zombie || task->refuses_tracer)
    return record(Call::seize, tid, 0, EPERM);
  task->tracer = own;
  task->options = options;
  if (task->stopped_natively) {
    task->stopped_natively = false;
    enter_event_stop(*task);
  }
  if (eager) advance(tid);
  return record(Call::seize, tid, 0, 0);
}

PortResult ScriptedKernel::interrupt(pid_t tid) {
  PortResult result;
  Task* task = begin(Call::interrupt, tid, 0, result);
  if (task == nullptr) return result;
  // The kernel says yes and does nothing when the task is on its way out
  // (task_set_jobctl_pending()).
  if (!task->kill_pending && task->phase == Task::Phase::alive) task->trap_pending = true;
  if (eager) advance(tid);
  return result;
}

void ScriptedKernel::check_passed_on(Call call, const Task& task, int signal) {
  const PtraceStop& stop = *task.stop;
  if (!stop.takes_signal) {
    // Killed since it was last looked at, it is on its way out and needs none.
    if (signal != 0 && stop.event() != PTRACE_EVENT_EXIT)
      violate(call, task.tid, "a signal is lost at a stop that takes none");
    return;
  }
  const bool from_step =
      stop.signal.number == SIGTRAP && (stop.signal.code == TRAP_TRACE || stop.signal.planted);
  if (from_step && signal != 0) violate(call, task.tid, "the trap of a step is passed on");
  const bool may_keep =
      typed_interrupts_may_be_kept && stop.signal.number == SIGINT && stop.signal.code == SI_KERNEL;
  if (!from_step && !may_keep && signal == 0) violate(call, task.tid, "a signal is swallowed");
  if (signal != 0 && signal != stop.signal.number) violate(call, task.tid, "a signal is changed");
}

PortResult ScriptedKernel::resume(pid_t tid, int signal) {
  PortResult result;
  Task* task = begin(Call::resume, tid, signal, result);
  if (task == nullptr) return result;
  check_passed_on(Call::resume, *task, signal);
  task->single_step = false;
  leave_stop(*task, signal);
  if (eager) advance(tid);
  return result;
}

PortResult ScriptedKernel::step(pid_t tid, int signal) {
  PortResult result;
  Task* task = begin(Call::step, tid, signal, result);
  if (task == nullptr) return result;
  check_passed_on(Call::step, *task, signal);
  task->single_step = true;
  leave_stop(*task, signal);
  if (eager) advance(tid);
  return result;
}

PortResult ScriptedKernel::resume_to_syscall(pid_t tid, int signal) {
  PortResult result;
  Task* task = begin(Call::resume_to_syscall, tid, 0, result);
  if (task == nullptr) return result;
  task->single_step = false;
  task->syscall_trace = true;
  leave_stop(*task, signal);
  if (eager) advance(tid);
  return result;
}

PortResult ScriptedKernel::set_options(pid_t tid, unsigned options) {
  Task* found = find(tid);
  if (found == nullptr) return {ESRCH};
  found->options = options;
  return {};
}

PortResult ScriptedKernel::listen(pid_t tid) {
  PortResult result;
  Task* task = begin(Call::listen, tid, 0, result);
  if (task == nullptr) return result;
  if (task->stop->event() != PTRACE_EVENT_STOP) {
    violate(Call::listen, tid, "is not in a group-stop");
    return record(Call::listen, tid, 0, EIO);
  }
  task->listening = true;
  if (eager) advance(tid);
  return result;
}

PortResult ScriptedKernel::detach(pid_t tid, int signal) {
  PortResult result;
  Task* task = begin(Call::detach, tid, signal, result);
  if (task == nullptr) return result;
  check_passed_on(Call::detach, *task, signal);
  for (const QueuedSignal& queued : task->queue) {
    if (queued.number == SIGTRAP && (queued.code == TRAP_TRACE || queued.planted))
      violate(Call::detach, tid, "the trap of a step is left behind");
  }
  leave_stop(*task, signal);
  task->tracer = 0;
  task->options = 0;
  task->single_step = false;
  task->trap_pending = false;
  task->notify_pending = false;
  // ptrace_unlink(): a group-stop that is in force takes hold of it again.
  task->stop_pending = processes_[task->process].stopped && task->phase == Task::Phase::alive;
  if (eager) advance(tid);
  return result;
}

PortResult ScriptedKernel::event_message(pid_t tid, uint64_t& message) {
  PortResult result;
  const Task* task = begin(Call::event_message, tid, 0, result);
  if (task != nullptr) message = task->message;
  return result;
}

PortResult ScriptedKernel::signal_info(pid_t tid, siginfo_t& info) {
  PortResult result;
  const Task* task = begin(Call::signal_info, tid, 0, result);
  if (task == nullptr) return result;
  info = {};
  info.si_signo = task->stop->signal.number;
  info.si_code = task->stop->signal.code;
  return result;
}

PortResult ScriptedKernel::set_signal_info(pid_t tid, const siginfo_t& info) {
  PortResult result;
  Task* task = begin(Call::signal_info, tid, 0, result);
  if (task == nullptr) return result;
  task->stop->signal.number = info.si_signo;
  task->stop->signal.code = info.si_code;
  return result;
}

Status ScriptedKernel::send_signal(pid_t tid, int signal) {
  send(tid, signal, 0, SI_TKILL);
  return {};
}

PortResult ScriptedKernel::pending_signals(pid_t tid, std::span<siginfo_t> into, size_t& count) {
  PortResult result;
  const Task* task = begin(Call::pending_signals, tid, 0, result);
  count = 0;
  if (task == nullptr) return result;
  for (const QueuedSignal& queued : task->queue) {
    if (count == into.size()) break;
    into[count] = {};
    into[count].si_signo = queued.number;
    into[count].si_code = queued.code;
    ++count;
  }
  return result;
}

PortResult ScriptedKernel::signal_mask(pid_t tid, uint64_t& mask) {
  PortResult result;
  const Task* task = begin(Call::signal_mask, tid, 0, result);
  if (task != nullptr) mask = task->mask;
  return result;
}

PortResult ScriptedKernel::set_signal_mask(pid_t tid, uint64_t mask) {
  PortResult result;
  Task* task = begin(Call::set_signal_mask, tid, 0, result);
  if (task != nullptr)
    task->mask = mask & ~(uint64_t{1} << (SIGKILL - 1) |
                          uint64_t{1} << (SIGSTOP - 1));  // as ptrace_request() does
  return result;
}

PortResult ScriptedKernel::read_registers(pid_t tid, unsigned, MutableBytes into, size_t& size) {
  PortResult result;
  const Task* task = begin(Call::read_registers, tid, 0, result);
  if (task == nullptr) return result;
  size = std::min(into.size(), sizeof task->registers);
  std::memcpy(into.data(), &task->registers, size);
  return result;
}

PortResult ScriptedKernel::write_registers(pid_t tid, unsigned, Bytes from) {
  PortResult result;
  Task* task = begin(Call::write_registers, tid, 0, result);
  if (task == nullptr) return result;
  std::memcpy(&task->registers, from.data(), std::min(from.size(), sizeof task->registers));
  return result;
}

PortResult ScriptedKernel::call_info(pid_t tid, bool& is_entry) {
  is_entry = task(tid).in_traced_call;
  return {};
}

PortResult ScriptedKernel::read_user(pid_t tid, size_t offset, uint64_t& word) {
  const Task* const found = find(tid);
  if (found == nullptr || !found->stop) return {ESRCH};
  const auto known = found->user_area.find(offset);
  word = known == found->user_area.end() ? 0 : known->second;
  return {};
}

PortResult ScriptedKernel::write_user(pid_t tid, size_t offset, uint64_t word) {
  Task* const found = find(tid);
  if (found == nullptr || !found->stop) return {ESRCH};
  found->user_area[offset] = word;
  return {};
}

void ScriptedKernel::run_into_watch(pid_t tid, unsigned slot) {
  constexpr size_t status = offsetof(user, u_debugreg) + 6 * sizeof(uint64_t);
  constexpr int from_debug_register = 4;
  Task& there = task(tid);
  there.user_area[status] |= uint64_t{1} << slot;
  there.queue.push_back({SIGTRAP, from_debug_register, 0, true});
  if (eager) advance(tid);
}
PortResult ScriptedKernel::write_word(pid_t, uint64_t, uint64_t) { return {EIO}; }

// --- wait

RawWait ScriptedKernel::take_status(Task& task) {
  RawWait raw;
  raw.tid = task.tid;
  if (task.phase == Task::Phase::zombie) {
    // delay_group_leader() in the kernel's exit.c: a leader is waited for last.
    if (task.tid == task.process && !is_last_thread(task)) return {};
    raw.kind = RawWait::Kind::status;
    raw.status = task.exit_status;
    const pid_t process = task.process;
    known_dead_.insert(task.tid);
    remove_task(task.tid);
    const Task* waiting_leader = find(process);
    if (waiting_leader != nullptr && waiting_leader->phase == Task::Phase::zombie) sigchld_ = true;
    try_to_complete_exec(process);
    return raw;
  }
  if (!task.stop || task.stop->waited || task.listening || task.kill_pending) return {};
  task.stop->waited = true;
  raw.kind = RawWait::Kind::status;
  raw.status = task.stop->status;
  if (task.stop->event() == PTRACE_EVENT_EXEC && task.message != static_cast<uint64_t>(task.tid))
    known_dead_.insert(static_cast<pid_t>(task.message));
  return raw;
}

RawWait ScriptedKernel::poll(pid_t tid) {
  run_hooks(Call::poll, tid);
  Task* task = find(tid);
  if (task == nullptr || task->tracer != own) return {RawWait::Kind::no_child, 0, 0};
  return take_status(*task);
}

RawWait ScriptedKernel::poll_any() {
  run_hooks(Call::poll_any, 0);
  bool any = false;
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    Task& task = *(it++)->second;
    if (task.tracer != own) continue;
    any = true;
    const RawWait raw = take_status(task);
    if (raw.kind == RawWait::Kind::status) return raw;
  }
  return {any ? RawWait::Kind::none : RawWait::Kind::no_child, 0, 0};
}

RawWait ScriptedKernel::look_at(Task& task, bool may_be_waited_for) {
  if (task.phase == Task::Phase::zombie) {
    if (!may_be_waited_for) return {};
    return {RawWait::Kind::status, task.tid, 0};
  }
  if (!task.stop || task.stop->waited || task.listening || task.kill_pending) return {};
  task.stop->peeked = true;
  return {RawWait::Kind::status, task.tid, task.stop->status};
}

RawWait ScriptedKernel::peek(pid_t tid) {
  run_hooks(Call::peek, tid);
  Task* task = find(tid);
  if (task == nullptr || task->tracer != own) return {RawWait::Kind::no_child, 0, 0};
  return look_at(*task, task->tid != task->process || is_last_thread(*task));
}

RawWait ScriptedKernel::peek_any() {
  run_hooks(Call::peek_any, 0);
  bool any = false;
  for (const auto& [tid, task] : tasks_) {
    if (task->tracer != own) continue;
    any = true;
    const RawWait raw = look_at(*task, task->tid != task->process || is_last_thread(*task));
    if (raw.kind == RawWait::Kind::status) return raw;
  }
  return {any ? RawWait::Kind::none : RawWait::Kind::no_child, 0, 0};
}

RawWait ScriptedKernel::take_stop(pid_t tid) {
  Task* task = find(tid);
  if (task == nullptr || task->phase == Task::Phase::zombie) return {};
  return take_status(*task);
}

// --- memory

void ScriptedKernel::put_code(uint64_t address, std::initializer_list<int> bytes) {
  for (const int byte : bytes) {
    if (byte == 0xcc) program_traps_.insert(address);
    memory[address++] = static_cast<std::byte>(byte);
  }
}

Result<size_t> ScriptedKernel::read_memory(Addr address, MutableBytes into) {
  run_hooks(Call::read_memory, 0);
  size_t n = 0;
  for (; n < into.size(); ++n) {
    const auto found = memory.find(address.value + n);
    if (found == memory.end()) break;
    into[n] = found->second;
  }
  if (n == 0 && !into.empty()) return fail(ErrorCode::fault, "no memory");
  return n;
}

Status ScriptedKernel::write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) {
  run_hooks(Call::write_memory, 0);
  last_write_by = held_tid;
  for (const std::byte byte : data) {
    const auto found = memory.find(address.value);
    if (found == memory.end()) return fail(ErrorCode::fault, "no memory");
    found->second = byte;
    address = address + 1;
  }
  return {};
}

Result<std::vector<os::Mapping>> ScriptedKernel::mappings() {
  std::vector<os::Mapping> found;
  for (const auto& [address, byte] : memory) {
    if (!found.empty() && found.back().contains({address})) continue;
    os::Mapping code;
    code.start = {address & ~uint64_t{4095}};
    code.end = code.start + 4096;
    code.readable = code.executable = true;
    if (code.start.value == vdso) code.path = "[vdso]";
    found.push_back(std::move(code));
  }
  return found;
}

WaitPort::Wake ScriptedKernel::sleep(const Deadline&, bool interruptible) {
  run_hooks(Call::sleep, 0);
  if (!script_.empty()) {
    const Action action = std::move(script_.front());
    script_.pop_front();
    action();
  }
  if (signal_to_clew && interruptible) return Wake::signal;
  advance_all();
  if (signal_to_clew && interruptible) return Wake::signal;
  // Like SIGCHLD, which waitpid(2) does not take back: it may be about a status that was read
  // already.
  return std::exchange(sigchld_, false) ? Wake::child : Wake::timeout;
}

// --- /proc

Result<std::vector<pid_t>> ScriptedKernel::list() { return list_of(pid_); }
size_t ScriptedKernel::count() { return count_of(pid_); }
bool ScriptedKernel::has(pid_t tid) { return has_in(pid_, tid); }
TaskPort::Facts ScriptedKernel::facts(pid_t tid) { return facts_in(pid_, tid); }

TaskPort::Lineage ScriptedKernel::lineage(pid_t tid) {
  const Task* task = find(tid);
  if (task == nullptr) return {};
  const pid_t parent = processes_[task->process].parent;
  // The kernel gives the children of a process that has ended to another one.
  const bool lives = std::any_of(tasks_.begin(), tasks_.end(), [&](const auto& other) {
    return other.second->process == parent && other.second->phase == Task::Phase::alive;
  });
  return {task->process, lives ? parent : 1};
}

Result<std::vector<pid_t>> ScriptedKernel::list_of(pid_t process) {
  run_hooks(Call::list, 0);
  calls.push_back({Call::list, 0, 0, 0});
  std::vector<pid_t> tids;
  for (const auto& [tid, task] : tasks_) {
    if (task->process == process) tids.push_back(tid);
  }
  if (tids.empty()) return fail(ErrorCode::gone, ESRCH, "process has exited");
  return tids;
}

size_t ScriptedKernel::count_of(pid_t process) {
  run_hooks(Call::count, 0);
  return static_cast<size_t>(std::count_if(
      tasks_.begin(), tasks_.end(), [&](const auto& t) { return t.second->process == process; }));
}

bool ScriptedKernel::has_in(pid_t process, pid_t tid) {
  run_hooks(Call::has, tid);
  const Task* task = find(tid);
  return task != nullptr && task->process == process;
}

TaskPort::Facts ScriptedKernel::facts_in(pid_t process, pid_t tid) {
  run_hooks(Call::facts, tid);
  Facts facts;
  const Task* task = find(tid);
  if (task == nullptr || task->process != process) return facts;
  facts.exists = true;
  facts.tracer = task->tracer;
  facts.kill_pending = task->kill_pending;
  facts.ignored_signals = processes_[task->process].ignored;
  facts.caught_signals = processes_[task->process].handled;
  if (task->phase == Task::Phase::zombie) {
    facts.state = 'Z';
  } else if (task->stop) {
    facts.state = 't';
  } else if (task->uninterruptible || task->vfork_child != 0 || task->in_exec) {
    facts.state = 'D';
  } else if (task->stopped_natively) {
    facts.state = 'T';
  } else {
    facts.state = 'S';
  }
  return facts;
}

}  // namespace clew::live
