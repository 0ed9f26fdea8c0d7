// The side of the scripted kernel that the target lives on: tasks, signals, births and deaths.

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/check.h"
#include "scripted_kernel.h"

namespace clew::live {
namespace {

uint64_t bit(int signal) { return uint64_t{1} << (signal - 1); }

constexpr int stop_signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

bool is_stop_signal(int signal) {
  return std::find(std::begin(stop_signals), std::end(stop_signals), signal) !=
         std::end(stop_signals);
}

bool is_ignored_by_default(int signal) {
  return signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
}

// dequeue_synchronous_signal(): faults and traps of the thread's own instructions go first.
bool is_synchronous(const QueuedSignal& signal) {
  return signal.code > 0 &&
         (signal.number == SIGTRAP || signal.number == SIGSEGV || signal.number == SIGBUS ||
          signal.number == SIGILL || signal.number == SIGFPE || signal.number == SIGSYS);
}

}  // namespace

ScriptedKernel::ScriptedKernel(pid_t pid) : pid_(pid) { add_process(pid); }

Task& ScriptedKernel::make_task(pid_t tid, pid_t process) {
  CLEW_CHECK(find(tid) == nullptr);
  auto made = std::make_unique<Task>();
  made->tid = tid;
  made->process = process;
  made->serial = ++last_serial_;
  made->registers.rip = 0x1000;
  made->registers.cs = 0x33;
  made->registers.orig_rax = ~0ULL;
  known_dead_.erase(tid);
  return *(tasks_[tid] = std::move(made));
}

void ScriptedKernel::remove_task(pid_t tid) { tasks_.erase(tid); }

Task& ScriptedKernel::add_thread(pid_t tid) { return make_task(tid, pid_); }

Task& ScriptedKernel::add_process(pid_t pid) {
  processes_[pid].pid = pid;
  return make_task(pid, pid);
}

Task* ScriptedKernel::find(pid_t tid) {
  const auto found = tasks_.find(tid);
  return found == tasks_.end() ? nullptr : found->second.get();
}

Task& ScriptedKernel::task(pid_t tid) {
  Task* found = find(tid);
  CLEW_CHECK(found != nullptr);
  return *found;
}

bool ScriptedKernel::is_traced(pid_t tid) {
  const Task* found = find(tid);
  return found != nullptr && found->tracer == own;
}

size_t ScriptedKernel::traced_count() const {
  return static_cast<size_t>(std::count_if(tasks_.begin(), tasks_.end(),
                                           [](const auto& t) { return t.second->tracer == own; }));
}

bool ScriptedKernel::is_trapped(pid_t tid) {
  const Task* found = find(tid);
  return found != nullptr && found->stop.has_value() && !found->listening;
}

bool ScriptedKernel::is_last_thread(const Task& task) const {
  return std::count_if(tasks_.begin(), tasks_.end(),
                       [&](const auto& t) { return t.second->process == task.process; }) == 1;
}

// --- Births

void ScriptedKernel::give_birth(pid_t parent, pid_t child, bool as_thread) {
  Task& mother = task(parent);
  CLEW_CHECK(!mother.stop && mother.phase == Task::Phase::alive);
  if (!as_thread) processes_[child] = processes_[mother.process];
  processes_[child].pid = child;
  if (!as_thread) processes_[child].parent = mother.process;
  if (!as_thread) processes_[child].queue.clear();
  Task& born = make_task(child, as_thread ? mother.process : child);
  if (as_thread) processes_.erase(child);
  born.mask = mother.mask;
  const bool followed =
      (mother.options & (PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)) != 0;
  if (mother.tracer == 0 || !followed) return;
  // ptrace_init_task(): traced from birth, and on its way to a first stop.
  born.tracer = mother.tracer;
  born.options = mother.options;
  born.trap_pending = true;
  mother.unannounced = child;
}

void ScriptedKernel::announce(pid_t parent, int event) {
  Task& mother = task(parent);
  const pid_t child = std::exchange(mother.unannounced, 0);
  if (child == 0) return;
  mother.message = static_cast<uint64_t>(child);
  enter_stop(mother, SIGTRAP, event);
}

void ScriptedKernel::clone(pid_t parent, pid_t child) {
  give_birth(parent, child);
  announce(parent, PTRACE_EVENT_CLONE);
}

void ScriptedKernel::clone_process(pid_t parent, pid_t child) {
  give_birth(parent, child, false);
  announce(parent, PTRACE_EVENT_CLONE);
}

void ScriptedKernel::fork(pid_t parent, pid_t child) {
  give_birth(parent, child, false);
  announce(parent, PTRACE_EVENT_FORK);
}

void ScriptedKernel::vfork(pid_t parent, pid_t child) {
  give_birth(parent, child, false);
  task(parent).vfork_child = child;
  announce(parent, PTRACE_EVENT_VFORK);
}

void ScriptedKernel::end_vfork(pid_t parent) {
  Task& mother = task(parent);
  mother.message = static_cast<uint64_t>(std::exchange(mother.vfork_child, 0));
  if (mother.tracer != 0 && (mother.options & PTRACE_O_TRACEVFORKDONE) != 0)
    enter_stop(mother, SIGTRAP, PTRACE_EVENT_VFORK_DONE);
}

// --- Deaths

void ScriptedKernel::start_exit(Task& task, int status) {
  task.phase = Task::Phase::exiting;
  task.exit_status = status;
  task.kill_pending = false;
  task.single_step = false;
  task.vfork_child = 0;
  task.in_exec = false;
  task.unannounced = 0;
  task.exec_untold = false;
  task.injected.reset();
  if (task.tracer != 0 && (task.options & PTRACE_O_TRACEEXIT) != 0) {
    task.message = static_cast<uint64_t>(status);
    enter_stop(task, SIGTRAP, PTRACE_EVENT_EXIT);
  }
}

void ScriptedKernel::become_zombie(Task& task) {
  task.phase = Task::Phase::zombie;
  const pid_t process = task.process;
  if (task.tracer == own) {
    sigchld_ = true;
  } else if (task.tid != task.process) {
    remove_task(task.tid);  // the kernel reaps a thread by itself
    const Task* waiting_leader = find(process);
    if (waiting_leader != nullptr && waiting_leader->phase == Task::Phase::zombie) sigchld_ = true;
  }
  try_to_complete_exec(process);
}

void ScriptedKernel::exit_thread(pid_t tid, int code) {
  CLEW_CHECK(!task(tid).stop);
  start_exit(task(tid), code << 8);
  advance(tid);
}

void ScriptedKernel::exit_silently(pid_t tid) {
  task(tid).phase = Task::Phase::exiting;
  become_zombie(task(tid));
}

void ScriptedKernel::kill_others(pid_t process, pid_t but, int status) {
  processes_[process].exit_status = status;
  for (const auto& [tid, task] : tasks_) {
    if (task->process != process || tid == but || task->phase == Task::Phase::zombie) continue;
    task->kill_pending = true;
  }
}

void ScriptedKernel::exit_process(pid_t tid, int code) {
  kill_others(task(tid).process, tid, code << 8);
  start_exit(task(tid), code << 8);
}

void ScriptedKernel::kill_process(pid_t pid, int signal) { kill_others(pid, 0, signal); }

void ScriptedKernel::vanish(pid_t tid) { remove_task(tid); }

void ScriptedKernel::give_tid_away(pid_t tid, pid_t to_process) {
  remove_task(tid);
  make_task(tid, to_process);
}

void ScriptedKernel::begin_exec(pid_t tid) {
  Task& caller = task(tid);
  CLEW_CHECK(!caller.stop);
  caller.in_exec = true;
  caller.call.reset();
  execs_[caller.process] = tid;
  kill_others(caller.process, tid, 0);
  try_to_complete_exec(caller.process);
}

void ScriptedKernel::try_to_complete_exec(pid_t process) {
  const auto found = execs_.find(process);
  if (found == execs_.end()) return;
  const pid_t caller = found->second;
  // de_thread() waits until every other thread has been reaped, and the leader is a zombie.
  for (const auto& [tid, other] : tasks_) {
    if (other->process != process || tid == caller) continue;
    if (tid != process || other->phase != Task::Phase::zombie) return;
  }
  execs_.erase(found);
  std::unique_ptr<Task> survivor = std::move(tasks_[caller]);
  tasks_.erase(caller);
  survivor->tid = process;
  survivor->in_exec = false;
  survivor->registers.rip = 0x9000;
  survivor->registers.rax = 0;
  survivor->message = static_cast<uint64_t>(caller);
  tasks_[process] = std::move(survivor);
  known_dead_.erase(process);
  processes_[process].handled = 0;
  Task& now = *tasks_[process];
  now.exec_untold = now.tracer != 0 && (now.options & PTRACE_O_TRACEEXEC) != 0;
}

// --- Signals

void ScriptedKernel::set_ignored(int number) { target().ignored |= bit(number); }
void ScriptedKernel::set_handled(int number) { target().handled |= bit(number); }

void ScriptedKernel::enqueue(std::deque<QueuedSignal>& queue, const QueuedSignal& signal) {
  const bool there = std::any_of(queue.begin(), queue.end(), [&](const QueuedSignal& queued) {
    return queued.number == signal.number;
  });
  if (signal.number >= SIGRTMIN || !there) queue.push_back(signal);
}

void ScriptedKernel::prepare_signal(pid_t pid, int number) {
  Process& process = processes_[pid];
  const auto forget = [&](auto which) {
    const auto matches = [&](const QueuedSignal& queued) { return which(queued.number); };
    std::erase_if(process.queue, matches);
    for (const auto& [tid, task] : tasks_) {
      if (task->process == pid) std::erase_if(task->queue, matches);
    }
  };
  if (is_stop_signal(number)) forget([](int n) { return n == SIGCONT; });
  if (number != SIGCONT) return;
  forget(is_stop_signal);
  process.stopped = false;
  for (const auto& [tid, task] : tasks_) {
    if (task->process != pid || task->phase != Task::Phase::alive) continue;
    task->stop_pending = false;
    task->stop_dequeued = false;
    task->stopped_natively = false;
    // ptrace_trap_notify(): every seized thread traps, a running one too.
    if (task->tracer != 0) task->notify_pending = true;
  }
}

bool ScriptedKernel::is_dropped(const Task& task, int number) {
  // sig_ignored(): a tracer is told of ignored signals too, and so they are queued for it.
  if (task.tracer != 0 || (task.mask & bit(number)) != 0) return false;
  const Process& process = processes_[task.process];
  return (process.ignored & bit(number)) != 0 ||
         ((process.handled & bit(number)) == 0 && is_ignored_by_default(number));
}

void ScriptedKernel::send(pid_t tid, int number, int value, int code) {
  Task& to = task(tid);
  prepare_signal(to.process, number);
  if (!is_dropped(to, number)) enqueue(to.queue, {number, code, value});
}

void ScriptedKernel::send_to_process(pid_t pid, int number, int value) {
  prepare_signal(pid, number);
  const Task* leader = find(pid);
  if (leader == nullptr || !is_dropped(*leader, number))
    enqueue(processes_[pid].queue, {number, SI_QUEUE, value});
}

void ScriptedKernel::stop_natively(int signal) {
  target().stopped = true;
  target().stop_signal = signal;
  for (const auto& [tid, task] : tasks_) {
    if (task->process == pid_ && task->phase == Task::Phase::alive) task->stopped_natively = true;
  }
}

std::optional<QueuedSignal> ScriptedKernel::dequeue(Task& task) {
  const auto take = [&](std::deque<QueuedSignal>& queue,
                        auto better) -> std::optional<QueuedSignal> {
    auto best = queue.end();
    for (auto it = queue.begin(); it != queue.end(); ++it) {
      if ((task.mask & bit(it->number)) != 0) continue;
      if (best == queue.end() || better(*it, *best)) best = it;
    }
    if (best == queue.end()) return std::nullopt;
    const QueuedSignal taken = *best;
    queue.erase(best);
    return taken;
  };
  const auto by_number = [](const QueuedSignal& a, const QueuedSignal& b) {
    return std::pair(!is_synchronous(a), a.number) < std::pair(!is_synchronous(b), b.number);
  };
  if (auto own_signal = take(task.queue, by_number)) return own_signal;
  return take(processes_[task.process].queue, by_number);
}

void ScriptedKernel::deliver(Task& task, const QueuedSignal& signal) {
  Process& process = processes_[task.process];
  if ((task.mask & bit(signal.number)) != 0) {
    enqueue(task.queue, signal);  // ptrace_signal(): blocked meanwhile, it goes back
    return;
  }
  const bool handled = (process.handled & bit(signal.number)) != 0;
  const bool ignored = (process.ignored & bit(signal.number)) != 0 ||
                       (!handled && is_ignored_by_default(signal.number));
  deliveries.push_back({task.tid, signal, ignored});
  if (ignored) return;
  if (handled) {
    enter_handler(task, signal);
  } else if (is_stop_signal(signal.number)) {
    start_group_stop(task, signal.number);
  } else {
    kill_others(task.process, 0, signal.number);
  }
}

void ScriptedKernel::enter_handler(Task& task, const QueuedSignal& signal) {
  if (std::exchange(task.call_broken_off, false)) ++eintr_handled[task.tid];
  if (!std::exchange(task.in_handler, true)) task.interrupted_pc = task.registers.rip;
  task.registers.rax = 0;
  task.registers.rip = 0x4000 + 0x10 * static_cast<uint64_t>(signal.number);
  if (!task.single_step) return;
  // signal_delivered(): a step into a handler is told as a SIGTRAP with no signal behind it.
  task.single_step = false;
  enter_stop(task, SIGTRAP, 0, {SIGTRAP, TRAP_TRACE, 0});
}

void ScriptedKernel::start_group_stop(Task& task, int signal) {
  if (!task.stop_dequeued) return;  // a SIGCONT came after it was taken from the queue
  Process& process = processes_[task.process];
  if (!process.stopped) process.stop_signal = signal;
  process.stopped = true;
  for (const auto& [tid, other] : tasks_) {
    if (other->process != task.process || other->phase != Task::Phase::alive) continue;
    if (other->stopped_natively) continue;
    other->stop_pending = true;
    if (other->tracer != 0 && tid != task.tid) other->notify_pending = true;
  }
}

// --- Running

void ScriptedKernel::enter_stop(Task& task, int signal, int event, const QueuedSignal& info) {
  task.stop.emplace();
  task.stop->status = 0x7f | (signal << 8) | (event << 16);
  task.stop->takes_signal = event == 0 && signal != (SIGTRAP | 0x80);
  task.stop->signal = info;
  if (event != 0) task.stop->signal = {signal, SIGTRAP | (event << 8), 0};
  task.listening = false;
  task.trap_pending = false;  // any trap cancels it: ptrace_stop()
  if (event == PTRACE_EVENT_STOP) {
    task.notify_pending = false;
    task.stop_pending = false;
  }
  task.single_step = false;
  if (task.tracer == own) sigchld_ = true;
}

void ScriptedKernel::enter_event_stop(Task& task) {
  const Process& process = processes_[task.process];
  enter_stop(task, process.stopped ? process.stop_signal : SIGTRAP, PTRACE_EVENT_STOP);
}

void ScriptedKernel::leave_stop(Task& task, int signal) {
  if (signal != 0 && task.stop->takes_signal) {
    task.injected = task.stop->signal;
    task.injected->number = signal;
  }
  task.stop.reset();
  task.listening = false;
}

void ScriptedKernel::break_off_call(Task& task) {
  if (!task.call || task.call_broken_off) return;
  task.call_broken_off = true;
  task.registers.orig_rax = task.call->number;
  task.registers.rax = static_cast<uint64_t>(task.call->broken_off);
}

void ScriptedKernel::return_to_user(Task& task) {
  if (std::exchange(task.call_broken_off, false)) {
    const auto result = static_cast<int64_t>(task.registers.rax);
    if (result <= -512 && result >= -516) {
      ++restarts[task.tid];
    } else if (result == -EINTR) {
      ++eintr_seen[task.tid];
    }
  }
  if (task.in_handler && !task.single_step) {
    task.in_handler = false;
    task.registers.rip = task.interrupted_pc;
  }
}

void ScriptedKernel::force_trap(Task& task) {
  // force_sig_info_to_task(): where it is blocked or ignored the kernel ends that, for good.
  Process& process = processes_[task.process];
  if ((task.mask & bit(SIGTRAP)) != 0 || (process.ignored & bit(SIGTRAP)) != 0)
    violate(Call::step, task.tid, "the step has changed what SIGTRAP does");
  task.mask &= ~bit(SIGTRAP);
  process.ignored &= ~bit(SIGTRAP);
  task.queue.push_back({SIGTRAP, TRAP_TRACE, 0});
}

bool ScriptedKernel::execute_one(Task& task) {
  if (task.call) return false;  // asleep in the call that is being stepped over
  const pid_t tid = task.tid;
  if (task.on_step) {
    const Action action = std::exchange(task.on_step, {});
    action();
    Task* still = find(tid);
    const bool lives = still != nullptr && still->phase == Task::Phase::alive;
    // With an int3 there is no trap of the step's own.
    if (!lives || still->stop || still->in_exec || still->exec_untold || !still->single_step)
      return true;
  }
  task.single_step = false;
  task.registers.rip += 4;
  force_trap(task);
  task.paused_after_step = std::exchange(task.hold_after_step, false);
  return true;
}

bool ScriptedKernel::run_into_trap(Task& task) {
  const auto code = memory.find(task.registers.rip);
  if (code == memory.end() || code->second != std::byte{0xcc}) return false;
  const bool planted = !program_traps_.contains(task.registers.rip);
  ++task.registers.rip;
  force_trap(task);
  task.queue.back().code = SI_KERNEL;
  task.queue.back().planted = planted;
  task.single_step = false;
  return true;
}

int64_t ScriptedKernel::make_call(const user_regs_struct& registers) {
  if (registers.rax == SYS_rt_sigaction && registers.rsi != 0) {
    target().handled |= bit(static_cast<int>(registers.rdi));
    target().ignored &= ~bit(static_cast<int>(registers.rdi));
  }
  if (registers.rax != SYS_mmap) return 0;
  if (refuses_pages) return -ENOMEM;
  const uint64_t start = registers.rdi != 0 ? registers.rdi : next_page_;
  if (registers.rdi == 0) next_page_ += registers.rsi;
  for (uint64_t i = 0; i < registers.rsi; ++i) memory[start + i] = std::byte{0};
  return static_cast<int64_t>(start);
}

bool ScriptedKernel::trace_call(Task& task) {
  if (!task.syscall_trace || task.registers.rip != vdso) return false;
  task.syscall_trace = false;
  if (!std::exchange(task.in_traced_call, true)) {
    enter_stop(task, SIGTRAP | 0x80, 0);
    return true;
  }
  task.in_traced_call = false;
  task.registers.rax = static_cast<uint64_t>(make_call(task.registers));
  enter_stop(task, SIGTRAP | 0x80, 0);
  return true;
}

/// One round of get_signal() in the kernel's signal.c, and what follows it. False when the task
/// rests.
bool ScriptedKernel::go_on(Task& task) {
  if (task.uninterruptible) return false;
  if (task.phase == Task::Phase::exiting) {
    become_zombie(task);
    return false;
  }
  if (task.kill_pending) {
    start_exit(task, processes_[task.process].exit_status);
    return true;
  }
  if (std::exchange(task.exec_untold, false)) {
    enter_stop(task, SIGTRAP, PTRACE_EVENT_EXEC);
    return true;
  }
  if (task.unannounced != 0 || task.vfork_child != 0 || task.in_exec || task.paused_after_step)
    return false;
  if (task.stopped_natively) return false;
  if (task.injected) {
    const QueuedSignal signal = *std::exchange(task.injected, std::nullopt);
    deliver(task, signal);
    return true;
  }
  if (task.stop_pending && task.tracer == 0) {
    break_off_call(task);
    task.stop_pending = false;
    task.stopped_natively = true;
    return false;
  }
  if (task.tracer != 0 && (task.trap_pending || task.notify_pending || task.stop_pending)) {
    break_off_call(task);
    enter_event_stop(task);
    return true;
  }
  if (const auto signal = dequeue(task)) {
    break_off_call(task);
    task.stop_dequeued = true;
    if (task.tracer != 0) {
      enter_stop(task, signal->number, 0, *signal);
    } else {
      deliver(task, *signal);
    }
    return true;
  }
  return_to_user(task);
  if (trace_call(task) || run_into_trap(task)) return true;
  return task.single_step && execute_one(task);
}

void ScriptedKernel::advance(pid_t tid) {
  for (;;) {
    Task* task = find(tid);
    if (task == nullptr || task->phase == Task::Phase::zombie) return;
    if (task->stop) {
      const bool re_traps = task->listening && (task->trap_pending || task->notify_pending);
      if (!task->kill_pending && !re_traps) return;
      leave_stop(*task, 0);
    }
    if (!go_on(*task)) return;
  }
}

void ScriptedKernel::advance_all() {
  std::vector<pid_t> tids;
  for (const auto& [tid, task] : tasks_) {
    if (!may_move || may_move(*task)) tids.push_back(tid);
  }
  for (const pid_t tid : tids) advance(tid);
}

}  // namespace clew::live
