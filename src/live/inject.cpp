// System calls that the engine makes in the target's name.

#include <fmt/format.h>

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

Result<int64_t> Engine::inject(Tracee& tracee, uint64_t number, const SyscallArguments& arguments) {
  const pid_t tid = tracee.id.tid;
  const auto code = find_syscall_code();
  if (!code) return tl::unexpected(code.error());
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  if (arch_.is_compat(**now))
    return fail(ErrorCode::unsupported, "a 32-bit program makes no calls for clew");
  const arch::GeneralRegisters saved = **now;
  arch::GeneralRegisters calling = saved;
  calling.set_word(arch_.pc, code->value);
  calling.set_word(arch_.syscall_result, number);
  // Not inside a call: nothing is to be restarted on the way out.
  calling.set_word(arch_.syscall_number, ~uint64_t{0});
  for (size_t i = 0; i < arguments.size(); ++i)
    calling.set_word(arch_.syscall_arguments[i], arguments[i]);
  uint64_t mask = 0;
  if (const auto read = ptrace_.signal_mask(tid, mask); !read.is_ok())
    return fail_os(read.error, "cannot read the signal mask");
  // No signal of the target's may come in between: its handler would see these registers.
  (void)ptrace_.set_signal_mask(tid, ~uint64_t{0});
  Result<int64_t> result = 0;
  Status done = write_registers(tracee, calling);
  if (done) done = run_to_syscall_stop(tracee);
  if (done) done = run_to_syscall_stop(tracee);
  if (done) {
    tracee.registers_known = false;
    if (const auto after = registers(tracee)) {
      result = static_cast<int64_t>((*after)->word(arch_.syscall_result));
    }
  } else {
    result = tl::unexpected(done.error());
  }
  if (tracee.state == TraceeState::exiting) return result;
  (void)write_registers(tracee, saved);
  (void)ptrace_.set_signal_mask(tid, mask);
  // From a stop inside a call the kernel would not look at a call to be restarted: one more stop on
  // the way out, and all is as it was.
  if (ptrace_.interrupt(tid).is_ok() && ptrace_.resume(tid, 0).is_ok()) {
    tracee.state = TraceeState::running;
    tracee.interrupt_sent = true;
    tracee.registers_known = false;
    (void)settle(Deadline::after(std::chrono::seconds(1)), false);
  }
  return result;
}

Status Engine::run_to_syscall_stop(Tracee& tracee) {
  const pid_t tid = tracee.id.tid;
  if (const auto resumed = ptrace_.resume_to_syscall(tid); !resumed.is_ok()) {
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
      (void)ptrace_.resume_to_syscall(tid);
    }
  }
  return fail(ErrorCode::timeout, "a system call in the target's name did not return");
}

}  // namespace clew::live
