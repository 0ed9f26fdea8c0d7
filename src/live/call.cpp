// Functions of the target that a thread of it calls for the user.
//
// The thread is given a stack that looks like that of a signal handler (x86_64/call_frame.h), and
// runs from system call to system call. The rt_sigreturn by which the call ends is seen before it
// is made, and is not made: clew puts back what it has saved, the restart of a system call
// included. Should clew be dead by then, the kernel makes it, and the thread goes on as if there
// had been no call. Nothing is in the way of other threads: no trap is set, and what the code needs
// lies behind the code of some file.

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/log.h"
#include "live/code_padding.h"
#include "live/engine.h"

namespace clew::live {
namespace {

constexpr uint64_t bit_of(int signal) { return uint64_t{1} << (signal - 1); }

/// What a crash of the thread itself sends. Where one is blocked, the kernel ends its action for
/// good (kernel facts, 13).
constexpr uint64_t faults = bit_of(SIGSEGV) | bit_of(SIGBUS) | bit_of(SIGFPE) | bit_of(SIGILL) |
                            bit_of(SIGTRAP) | bit_of(SIGSYS);

/// Sending them does more than to queue them (kernel/signal.c, prepare_signal()).
constexpr uint64_t job_control =
    bit_of(SIGSTOP) | bit_of(SIGTSTP) | bit_of(SIGTTIN) | bit_of(SIGTTOU) | bit_of(SIGCONT);

/// Whose default is to be ignored (signal(7)).
constexpr uint64_t harmless = bit_of(SIGCHLD) | bit_of(SIGCONT) | bit_of(SIGURG) | bit_of(SIGWINCH);

/// What a function is given at least, below the call's own frame.
constexpr uint64_t least_stack = 16384;

}  // namespace

Result<CallEnd> Engine::call_function(ThreadId id, const FunctionCall& call,
                                      const Deadline& deadline) {
  const auto found = held(id);
  if (!found) return tl::unexpected(found.error());
  if (auto possible = check_call(**found); !possible) return tl::unexpected(possible.error());
  if (auto left = leave_event(**found); !left) return tl::unexpected(left.error());
  // Before anything is looked at: this opens SIGTRAP where it is blocked.
  if (!traps_.is_inserted()) insert_traps();
  auto end = begin_call(**found, call);
  if (end) {
    end = await_call(id, deadline);
    undo_call(id, *end);
  }
  call_.reset();
  (void)hold_all(Deadline::after(std::chrono::seconds(5)));
  return end;
}

Status Engine::check_call(Tracee& tracee) {
  const uint32_t number = tracee.id.number;
  if (tracee.state == TraceeState::group_stopped) {
    return fail(ErrorCode::unavailable,
                "the process was stopped by a signal, and makes no call until SIGCONT");
  }
  if (tracee.place == StopPlace::call_entry || tracee.place == StopPlace::vfork_event) {
    return fail(ErrorCode::unavailable,
                fmt::format("thread {} stands at the beginning of a system call, and can call "
                            "nothing before that is made: `stepi` makes it",
                            number));
  }
  if (tracee.state == TraceeState::signal_stopped && tracee.signal != 0 &&
      (bit_of(tracee.signal) & job_control) != 0) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("thread {} is held before a signal that stops or continues the process, "
                    "and can call nothing before the delivery: `stepi` makes that",
                    number));
  }
  const TaskPort::Facts facts = tasks_.facts(tracee.id.tid);
  if (facts.has_shadow_stack) {
    return fail(
        ErrorCode::unsupported,
        fmt::format("thread {} has a shadow stack, which clew cannot prepare for a call", number));
  }
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  if (arch_.is_compat(**now))
    return fail(ErrorCode::unsupported, "clew calls no functions of 32-bit programs");
  return {};
}

Status Engine::check_filter(pid_t tid) {
  if (!tasks_.facts(tid).has_filter) return {};
  // The rt_sigreturn at the end is seen and taken away with the filter suspended: else the filter
  // would be asked about what stands there instead, and might kill for it.
  const auto permitted = suspend_seccomp(tid);
  resume_seccomp(tid);
  if (permitted) return {};
  return fail(ErrorCode::unsupported, fmt::format("nothing is called: {}", permitted.error().text));
}

Result<Addr> Engine::find_call_code() {
  auto at = find_code_padding(memory_, lost_call_code_);
  if (at) return at;
  const auto tracee = any_held();
  if (!tracee) return tl::unexpected(tracee.error());
  const auto now = registers(**tracee);
  if (!now) return tl::unexpected(now.error());
  return map_pages({arch_.pc_of(**now)}, page_size);
}

Status Engine::save_thread(Tracee& tracee, SavedThread& saved) {
  const pid_t tid = tracee.id.tid;
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  saved.registers = **now;
  saved.extended.resize(extended_capacity);
  size_t size = 0;
  if (const auto read = ptrace_.read_registers(tid, NT_X86_XSTATE, saved.extended, size);
      !read.is_ok())
    return fail_os(read.error, "cannot read the vector registers");
  saved.extended.resize(size);
  if (const auto read = ptrace_.signal_mask(tid, saved.mask); !read.is_ok())
    return fail_os(read.error, "cannot read the signal mask");
  saved.at_trap = tracee.at_trap;
  saved.at_trap_sp = tracee.at_trap_sp;
  if (tracee.state != TraceeState::signal_stopped) return {};
  saved.signal = tracee.signal;
  if (const auto read = ptrace_.signal_info(tid, saved.signal_info); !read.is_ok())
    return fail_os(read.error, "cannot read the signal that is to be delivered");
  return {};
}

Result<CallEnd> Engine::begin_call(Tracee& tracee, const FunctionCall& call) {
  const pid_t tid = tracee.id.tid;
  // First what is done by system calls of a thread.
  if (auto permitted = check_filter(tid); !permitted) return tl::unexpected(permitted.error());
  const auto code_at = find_call_code();
  if (!code_at) return tl::unexpected(code_at.error());
  ActiveCall active;
  active.id = tracee.id;
  active.code_at = *code_at;
  const auto give_up = [&](Error error) {
    remove_call_code(active);
    return tl::unexpected<Error>(std::move(error));
  };
  if (auto done = save_thread(tracee, active.saved); !done) return give_up(done.error());
  const CallFrame frame = make_call_frame(call, *code_at, active.saved.registers,
                                          active.saved.extended, active.saved.mask);
  active.end_pc = frame.end_pc;
  if (auto room = check_stack(frame.start); !room) return give_up(room.error());
  std::vector<std::byte> before(frame.code.size());
  if (const auto n = memory_.read_memory(*code_at, before); !n || *n != before.size())
    return give_up({ErrorCode::fault, "there is no room for the code that a call needs"});
  active.code_before = std::move(before);
  // All this is where nothing else is: clew may die here.
  auto written = memory_.write_memory(*code_at, frame.code, tid);
  if (written) written = memory_.write_memory(frame.start, frame.stack, tid);
  if (!written) return give_up(written.error());
  if (auto set = write_registers(tracee, frame.entry); !set) return give_up(set.error());
  // From here on the frame puts the mask back as well, should clew die. A signal that was sent
  // waits in the kernel then; a fault comes again by itself.
  uint64_t mask = active.saved.mask & ~faults;
  const bool waits = active.saved.signal != 0 && (bit_of(active.saved.signal) & faults) == 0;
  if (waits) mask |= bit_of(active.saved.signal);
  if (mask != active.saved.mask) (void)ptrace_.set_signal_mask(tid, mask);
  if (waits) (void)tasks_.send_signal(tid, active.saved.signal);
  log(LogArea::engine, "{} calls {:#x}", tid, call.function.value);
  call_ = std::move(active);
  tracee.at_trap.reset();
  if (tracee.state == TraceeState::signal_stopped) note_stop(tracee, TraceeState::stopped);
  RunRequest request = RunRequest::all(Wanted::hold);
  request.chosen[tid] = Wanted::run;
  apply(std::move(request));
  return CallEnd{};
}

Status Engine::check_stack(Addr start) {
  const auto mappings = memory_.mappings();
  if (!mappings) return tl::unexpected(mappings.error());
  const auto stack = std::find_if(mappings->begin(), mappings->end(), [&](const os::Mapping& one) {
    return one.contains(start) || (one.path == "[stack]" && start < one.end);
  });
  const bool grows = stack != mappings->end() && stack->path == "[stack]";
  const bool has_room =
      stack != mappings->end() && stack->writable && (grows || start - stack->start >= least_stack);
  if (has_room) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("the stack at {:#x} has no room for a call", start.value));
}

Result<CallEnd> Engine::await_call(ThreadId id, const Deadline& deadline) {
  // A call that makes one system call after the other brings events without end.
  constexpr unsigned events_a_look = 64;
  const Ticking ticking(queue_.port());
  unsigned ticks = 0;
  CallEnd end;
  for (unsigned events = 1;; ++events) {
    WaitQueue::Polled polled;
    auto wake = queue_.wait(id.tid, true, polled);
    if (polled.answer == WaitQueue::Answer::event) handle(polled.event);
    Tracee* tracee = tracees_.find(id.tid);
    if (polled.answer == WaitQueue::Answer::no_child && tracee != nullptr) {
      on_vanished(*tracee);
      tracee = nullptr;
    }
    if (tracee == nullptr || !alive_ || !call_ || tracee->state == TraceeState::exiting) return end;
    const bool is_held = tracee->is_trapped() && request_.of(id.tid) != Wanted::run;
    if (call_->has_returned) {
      end.kind = CallEnd::Kind::returned;
    } else if (call_->signal != 0) {
      end.kind = CallEnd::Kind::signalled;
      end.signal = call_->signal;
    } else if (is_held || stop_wanted_) {
      end.kind = CallEnd::Kind::stopped;
    } else if (!to_step_lifted_.empty()) {
      step_over_lifted();
      continue;
    } else {
      if (events % events_a_look == 0)
        wake = queue_.port().sleep(Deadline::after(Duration::zero()), true);
      if (wake == WaitPort::Wake::signal) {
        end.kind = CallEnd::Kind::cancelled;
      } else if (deadline.passed()) {
        end.kind = CallEnd::Kind::timed_out;
      } else {
        // Threads that the call has started run too, and may be what it waits for.
        if (wake != WaitPort::Wake::child && is_sweep_due(++ticks)) sweep();
        continue;
      }
    }
    return end;
  }
}

bool Engine::take_call_stop(Tracee& tracee, const WaitEvent& event) {
  if (!call_ || !(call_->id == tracee.id)) return false;
  if (event.kind == WaitKind::syscall_stop && tracee.call_step == 0) {
    on_syscall_in_call(tracee);
    return true;
  }
  if (event.kind == WaitKind::group_stop) call_->signal = event.signal;
  return event.kind == WaitKind::signal_stop && !tracee.stepping &&
         take_call_signal(tracee, event.signal);
}

void Engine::end_call(Tracee& tracee) {
  note_stop(tracee, TraceeState::stopped);
  request_.chosen[tracee.id.tid] = Wanted::hold;
}

void Engine::on_syscall_in_call(Tracee& tracee) {
  bool is_entry = false;
  const auto now = registers(tracee);
  const bool known = now && ptrace_.call_info(tracee.id.tid, is_entry).is_ok();
  if (known && is_entry && arch_.pc_of(**now) == call_->end_pc.value) {
    end_call(tracee);
    tracee.place = StopPlace::call_entry;
    call_->has_returned = true;
    return;
  }
  const uint64_t number = known ? (*now)->word(arch_.syscall_number) : 0;
  const auto result = known ? static_cast<int64_t>((*now)->word(arch_.syscall_result)) : 0;
  // The kernel keeps only one call's rest of time for each thread.
  if (is_entry ? number == arch_.sigreturn_call : result == -erestart_restartblock)
    call_->rest_is_lost = true;
  on_call_stop(tracee);
}

bool Engine::take_call_signal(Tracee& tracee, int signal) {
  const pid_t tid = tracee.id.tid;
  const auto now = registers(tracee);
  if (!now) return false;
  siginfo_t info{};
  if (!ptrace_.signal_info(tid, info).is_ok()) return false;
  const TaskPort::Facts facts = tasks_.facts(tid);
  const bool is_fault = info.si_code > 0 && (bit_of(signal) & faults) != 0;
  // abort(3) and raise(3). With a handler they are a part of what the function does.
  const bool is_own = info.si_code == SI_TKILL;
  const uint64_t survived = facts.caught_signals | facts.ignored_signals | harmless;
  if (is_fault || (is_own && signal != SIGSTOP && (bit_of(signal) & survived) == 0)) {
    end_call(tracee);
    call_->signal = signal;
    return true;
  }
  note_stop(tracee, TraceeState::signal_stopped, signal);
  if (is_own || signal == SIGSTOP) return true;
  // One that was sent is kept for afterwards. What is blocked by now the kernel puts back into its
  // queue with all that it knows of it (ptrace_signal() in kernel/signal.c), so that clew's death
  // loses nothing.
  uint64_t mask = 0;
  if (ptrace_.signal_mask(tid, mask).is_ok())
    (void)ptrace_.set_signal_mask(tid, mask | bit_of(signal));
  return true;
}

void Engine::undo_call(ThreadId id, CallEnd& end) {
  if (!call_ || end.kind == CallEnd::Kind::gone) return;
  const Deadline patience = Deadline::after(std::chrono::seconds(1));
  request_.chosen[id.tid] = Wanted::hold;
  if (Tracee* const running = tracees_.find(id.tid)) reconcile(*running);
  wait_until_settled(id, patience);
  Tracee* const tracee = tracees_.find(id.tid);
  if (tracee == nullptr || tracee->state == TraceeState::exiting) {
    end.kind = CallEnd::Kind::gone;
    return;
  }
  if (!tracee->is_trapped()) {
    // It goes back by itself when it wakes, by the code that therefore stays.
    lost_call_code_.insert(call_->code_at.value);
    end.is_abandoned = true;
    return;
  }
  if (const auto now = registers(*tracee)) end.registers = **now;
  if (call_->has_returned) {
    // Perhaps just before it was stopped.
    end.kind = CallEnd::Kind::returned;
    end.registers = registers_at_return(end.registers);
  }
  end.extended.resize(extended_capacity);
  size_t size = 0;
  (void)ptrace_.read_registers(id.tid, NT_X86_XSTATE, end.extended, size);
  end.extended.resize(size);
  if (tracee->place == StopPlace::call_entry) skip_system_call(*tracee);
  restore_thread(id);
}

void Engine::skip_system_call(Tracee& tracee) {
  const pid_t tid = tracee.id.tid;
  const auto now = registers(tracee);
  if (!now) return;
  // A filter is asked about the number that stands there now, and may kill for none as well.
  const bool is_filtered = tasks_.facts(tid).has_filter;
  if (!is_filtered || suspend_seccomp(tid)) {
    arch::GeneralRegisters changed = **now;
    changed.set_word(arch_.syscall_number, ~uint64_t{0});
    (void)write_registers(tracee, changed);
  } else {
    // It is made after all, and broken off.
    (void)ptrace_.interrupt(tid);
  }
  (void)run_to_syscall_stop(tracee);
  resume_seccomp(tid);
  tracee.place = StopPlace::ordinary;
}

void Engine::restore_thread(ThreadId id) {
  Tracee* tracee = tracees_.find(id.tid);
  const ActiveCall done = std::move(*call_);
  call_.reset();
  const SavedThread& saved = done.saved;
  arch::GeneralRegisters before = saved.registers;
  if (done.rest_is_lost &&
      static_cast<int64_t>(before.word(arch_.syscall_result)) == -erestart_restartblock &&
      arch_.in_syscall(before)) {
    before.set_word(arch_.syscall_result, static_cast<uint64_t>(-erestartnohand));
  }
  // Up to the general registers the way back by the frame is open; they are the last.
  (void)ptrace_.write_registers(id.tid, NT_X86_XSTATE, saved.extended);
  (void)ptrace_.set_signal_mask(id.tid, saved.mask);
  if (!write_registers(*tracee, before)) return;
  remove_call_code(done);
  // At a stop in a call of the function's the kernel looks at no call that is to be restarted: one
  // more stop on the way out, and the thread stands where it stood.
  if (ptrace_.interrupt(id.tid).is_ok() && ptrace_.resume(id.tid, 0).is_ok()) {
    tracee->state = TraceeState::running;
    tracee->interrupt_sent = true;
    tracee->registers_known = false;
    wait_for_stop_of(id);
  }
  tracee = tracees_.find(id.tid);
  if (tracee == nullptr) return;
  if (saved.at_trap) note_told(*tracee, {*saved.at_trap}, saved.at_trap_sp);
  if (saved.signal != 0 && tracee->state == TraceeState::stopped) restore_signal(*tracee, saved);
}

void Engine::remove_call_code(const ActiveCall& done) {
  (void)memory_.write_memory(done.code_at, done.code_before, done.id.tid);
  // What lies behind a file's code never begins with a page.
  const bool is_own_page = done.code_at.value % page_size == 0;
  if (!is_own_page) return;
  const TargetCall unmap{arch_.munmap_call, {done.code_at.value, page_size}};
  if (Tracee* const tracee = tracees_.find(done.id.tid))
    (void)call_target(*tracee, memory_, std::span(&unmap, 1));
}

void Engine::restore_signal(Tracee& tracee, const SavedThread& saved) {
  // The stop before the delivery of a signal can only be had by a signal: it is sent again, all
  // others are blocked until it comes, and then it becomes what it was. Had another of its kind
  // come meanwhile, that is the one which comes, and is made up for.
  const pid_t tid = tracee.id.tid;
  const ThreadId id = tracee.id;
  const auto is_queued = [&] {
    std::array<siginfo_t, 32> queued{};
    size_t count = 0;
    (void)ptrace_.pending_signals(tid, queued, count);
    return std::any_of(queued.begin(), queued.begin() + static_cast<ptrdiff_t>(count),
                       [&](const siginfo_t& info) { return info.si_signo == saved.signal; });
  };
  (void)ptrace_.set_signal_mask(tid, ~bit_of(saved.signal));
  if (!is_queued()) (void)tasks_.send_signal(tid, saved.signal);
  if (!ptrace_.resume(tid, 0).is_ok()) {
    note_dying(tracee);
    return;
  }
  tracee.state = TraceeState::running;
  tracee.registers_known = false;
  const Deadline patience = Deadline::after(std::chrono::seconds(1));
  while (!patience.passed()) {
    WaitQueue::Polled polled;
    (void)queue_.wait(tid, false, polled);
    if (polled.answer != WaitQueue::Answer::event) continue;
    queue_.take(polled.event);
    if (polled.event.kind != WaitKind::signal_stop || polled.event.signal != saved.signal) {
      handle(polled.event);
      Tracee* const after = tracees_.find(tid);
      if (after == nullptr || after->state != TraceeState::running) return;
      continue;
    }
    note_stop(tracee, TraceeState::signal_stopped, saved.signal);
    tracee.keeps_signal = true;
    (void)ptrace_.set_signal_info(tid, saved.signal_info);
    break;
  }
  if (Tracee* const after = tracees_.find(id.tid); after != nullptr && after->is_trapped())
    (void)ptrace_.set_signal_mask(tid, saved.mask);
}

}  // namespace clew::live
