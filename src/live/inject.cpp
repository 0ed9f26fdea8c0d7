// System calls that the engine makes in the target's name.

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "live/engine.h"

namespace clew::live {
namespace {

/// How much of the target's code is searched for a system call instruction.
constexpr uint64_t most_searched = 4 << 20;

}  // namespace

Result<Addr> Engine::find_syscall_code() {
  if (syscall_code_) return *syscall_code_;
  const auto mappings = memory_.mappings();
  if (!mappings) return tl::unexpected(mappings.error());
  std::vector<os::Mapping> code;
  for (const os::Mapping& mapping : *mappings) {
    if (mapping.executable && mapping.readable) code.push_back(mapping);
  }
  // The vdso has one in nearly every process; else any code will do.
  std::stable_partition(code.begin(), code.end(),
                        [](const os::Mapping& m) { return m.path == "[vdso]"; });
  std::vector<std::byte> bytes;
  for (const os::Mapping& mapping : code) {
    bytes.resize(std::min(mapping.end - mapping.start, most_searched));
    const auto n = memory_.read_memory(mapping.start, bytes);
    if (!n) continue;
    const auto end = bytes.begin() + static_cast<ptrdiff_t>(*n);
    const auto found =
        std::search(bytes.begin(), end, arch_.syscall_code.begin(), arch_.syscall_code.end());
    if (found != end) {
      syscall_code_ = mapping.start + static_cast<uint64_t>(found - bytes.begin());
      return *syscall_code_;
    }
  }
  return fail(ErrorCode::unsupported, "the target has no system call instruction");
}

Result<std::vector<int64_t>> Engine::call_target(Tracee& tracee,
                                                 std::span<const TargetCall> calls) {
  const pid_t tid = tracee.id.tid;
  const auto code = find_syscall_code();
  if (!code) return tl::unexpected(code.error());
  if (auto left = leave_event(tracee); !left) return tl::unexpected(left.error());
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  if (arch_.is_compat(**now))
    return fail(ErrorCode::unsupported, "a 32-bit program makes no calls for clew");
  const arch::GeneralRegisters saved = **now;
  if (auto permitted = suspend_seccomp(tid); !permitted) return tl::unexpected(permitted.error());
  uint64_t mask = 0;
  if (const auto read = ptrace_.signal_mask(tid, mask); !read.is_ok())
    return fail_os(read.error, "cannot read the signal mask");
  // No signal of the target's may come in between: its handler would see these registers.
  (void)ptrace_.set_signal_mask(tid, ~uint64_t{0});
  std::vector<int64_t> results;
  Status done;
  for (const TargetCall& call : calls) {
    const auto result = call_once(tracee, call, *code, saved);
    if (!result) {
      done = tl::unexpected(result.error());
      break;
    }
    results.push_back(*result);
    if (*result < 0 && *result > -4096) break;
  }
  if (tracee.state == TraceeState::exiting)
    return fail(ErrorCode::gone, "the thread that made a call for clew has exited");
  (void)write_registers(tracee, saved);
  (void)ptrace_.set_signal_mask(tid, mask);
  resume_seccomp(tid);
  // From a stop inside a call the kernel would not look at a call to be restarted: one more stop on
  // the way out, and all is as it was.
  if (ptrace_.interrupt(tid).is_ok() && ptrace_.resume(tid, 0).is_ok()) {
    tracee.state = TraceeState::running;
    tracee.interrupt_sent = true;
    tracee.registers_known = false;
    wait_for_stop_of(tracee.id);
  }
  if (!done) return tl::unexpected(done.error());
  return results;
}

Result<int64_t> Engine::call_once(Tracee& tracee, const TargetCall& call, Addr code,
                                  const arch::GeneralRegisters& saved) {
  arch::GeneralRegisters calling = saved;
  calling.set_word(arch_.pc, code.value);
  calling.set_word(arch_.syscall_result, call.number);
  // Not inside a call: nothing is to be restarted on the way out.
  calling.set_word(arch_.syscall_number, ~uint64_t{0});
  for (size_t i = 0; i < call.arguments.size(); ++i)
    calling.set_word(arch_.syscall_arguments[i], call.arguments[i]);
  if (auto written = write_registers(tracee, calling); !written)
    return tl::unexpected(written.error());
  // Its beginning, and its end.
  for (int stop = 0; stop < 2; ++stop) {
    if (auto run = run_to_syscall_stop(tracee); !run) return tl::unexpected(run.error());
  }
  const auto after = registers(tracee);
  if (!after) return tl::unexpected(after.error());
  return static_cast<int64_t>((*after)->word(arch_.syscall_result));
}

Status Engine::suspend_seccomp(pid_t tid) {
  seccomp_suspended_ = false;
  if (!tasks_.facts(tid).has_filter && !tasks_.facts(tasks_.leader()).has_filter) return {};
  // Without this a filter may kill the target for a call that clew makes in its name (kernel facts,
  // 16).
  const PortResult result = ptrace_.set_options(tid, attach_options() | PTRACE_O_SUSPEND_SECCOMP);
  if (result.is_ok()) {
    seccomp_suspended_ = true;
    return {};
  }
  return fail(
      ErrorCode::unsupported, result.error,
      "the target has a seccomp filter, and suspending that needs CAP_SYS_ADMIN: clew makes "
      "no system call in its name");
}

void Engine::resume_seccomp(pid_t tid) {
  if (seccomp_suspended_) (void)ptrace_.set_options(tid, attach_options());
  seccomp_suspended_ = false;
}

void Engine::wait_for_stop_of(ThreadId id) {
  const Deadline patience = Deadline::after(std::chrono::seconds(1));
  while (!patience.passed()) {
    Tracee* const tracee = tracees_.find(id.tid);
    if (tracee == nullptr || tracee->state != TraceeState::running) return;
    WaitQueue::Polled polled;
    (void)queue_.wait(id.tid, false, polled);
    if (polled.answer != WaitQueue::Answer::event) continue;
    WaitEvent& event = polled.event;
    queue_.take(event);
    if (event.kind != WaitKind::interrupt_stop && event.kind != WaitKind::group_stop) {
      handle(event);
      return;
    }
    // Nothing happened to the thread: only the state is taken over, and no request is followed yet.
    tracee->interrupt_sent = false;
    tracee->registers_known = false;
    note_stop(*tracee, event.kind == WaitKind::group_stop ? TraceeState::group_stopped
                                                          : TraceeState::stopped);
    tracee->group_stop_seen = event.kind == WaitKind::group_stop;
    return;
  }
}

Status Engine::run_to_syscall_stop(Tracee& tracee) {
  const pid_t tid = tracee.id.tid;
  if (const auto resumed = ptrace_.resume_to_syscall(tid, 0); !resumed.is_ok()) {
    note_dying(tracee);
    return fail(ErrorCode::gone, fmt::format("thread {} has just been killed", tracee.id.number));
  }
  const Ticking ticking(queue_.port());
  const Deadline patience = Deadline::after(std::chrono::seconds(2));
  while (!patience.passed()) {
    WaitQueue::Polled polled;
    (void)queue_.wait(tid, false, polled);
    if (polled.answer == WaitQueue::Answer::none) continue;
    if (polled.answer == WaitQueue::Answer::event && polled.event.kind == WaitKind::syscall_stop) {
      tracee.registers_known = false;
      return {};
    }
    if (polled.answer == WaitQueue::Answer::event) {
      const WaitKind kind = polled.event.kind;
      log(LogArea::engine, "{}: {} during a call for clew", tid, wait_kind_name(kind));
      if (kind == WaitKind::exited || kind == WaitKind::killed || kind == WaitKind::exit) {
        handle(polled.event);
        return fail(ErrorCode::gone, "the thread has exited");
      }
      // A stop signal for all: the call is made behind it.
      (void)ptrace_.resume_to_syscall(tid, 0);
    }
  }
  return fail(ErrorCode::timeout, "a system call in the target's name did not return");
}

}  // namespace clew::live
