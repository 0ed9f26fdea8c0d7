// System calls that the engine makes in the target's name.
//
// A thread that is held makes them, and is then put back to where it stood. The code for it lies
// behind the code of some file, and leads back by itself: should clew die at any point in between,
// the thread makes the call and goes on as if there had been none. With a filter (seccomp(2)) that
// is so only where the filter allows the call, since it is suspended no longer than clew lives.

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "live/code_padding.h"
#include "live/engine.h"
#include "live/x86_64/target_call_code.h"

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

Result<Addr> Engine::find_target_call_room() {
  if (target_call_room_) return *target_call_room_;
  std::set<uint64_t> taken = lost_call_code_;
  if (call_) taken.insert(call_->code_at.value);
  auto room = find_code_padding(memory_, taken);
  if (!room) return room;
  target_call_room_ = *room;
  return room;
}

Result<Engine::CallSite> Engine::prepare_call_site(const Tracee& tracee, MemoryPort& memory,
                                                   const arch::GeneralRegisters& saved,
                                                   uint64_t mask) {
  CallSite site;
  if (const auto room = find_target_call_room()) {
    const std::vector<std::byte> code = make_target_call_code(saved, mask);
    CLEW_CHECK(code.size() <= code_padding_size);
    site.before.resize(code.size());
    const auto n = memory.read_memory(*room, site.before);
    if (n && *n == code.size() && memory.write_memory(*room, code, tracee.id.tid)) {
      site.code = *room;
      return site;
    }
  }
  // Then the thread has no way back by itself, and is lost should clew die within the call.
  site.before.clear();
  const auto code = find_syscall_code();
  if (!code) return tl::unexpected(code.error());
  site.code = *code;
  return site;
}

Result<std::vector<int64_t>> Engine::call_target(Tracee& tracee, MemoryPort& memory,
                                                 std::span<const TargetCall> calls) {
  const pid_t tid = tracee.id.tid;
  if (auto left = leave_event(tracee); !left) return tl::unexpected(left.error());
  const auto now = registers(tracee);
  if (!now) return tl::unexpected(now.error());
  if (arch_.is_compat(**now))
    return fail(ErrorCode::unsupported, "a 32-bit program makes no calls for clew");
  const arch::GeneralRegisters saved = **now;
  uint64_t mask = 0;
  if (const auto read = ptrace_.signal_mask(tid, mask); !read.is_ok())
    return fail_os(read.error, "cannot read the signal mask");
  const auto site = prepare_call_site(tracee, memory, saved, mask);
  if (!site) return tl::unexpected(site.error());
  if (auto permitted = suspend_seccomp(tid); !permitted) {
    (void)memory.write_memory(site->code, site->before, tid);
    return tl::unexpected(permitted.error());
  }
  std::vector<int64_t> results;
  Status done;
  for (const TargetCall& call : calls) {
    const auto result = call_once(tracee, call, site->code, saved);
    if (!result) {
      done = tl::unexpected(result.error());
      break;
    }
    results.push_back(*result);
    if (*result < 0 && *result > -4096) break;
  }
  if (!done && done.error().code == ErrorCode::timeout) {
    // It goes back by itself when the call returns, by the code that therefore stays.
    if (!site->before.empty()) lost_call_code_.insert(site->code.value);
    target_call_room_.reset();
    tracee.state = TraceeState::running;
    tracee.registers_known = false;
    return tl::unexpected(done.error());
  }
  // One that has gone has nothing to be put back. After an exec there is another program under its
  // tid; the memory is still written through the descriptor of the old one.
  const bool is_gone = !done && done.error().code == ErrorCode::gone;
  if (!is_gone) leave_call_site(tracee, saved, mask);
  // By no other way than that descriptor, where it has gone.
  (void)memory.write_memory(site->code, site->before, is_gone ? std::nullopt : std::optional(tid));
  if (!done) return tl::unexpected(done.error());
  return results;
}

void Engine::tell_exec_in_call() {
  if (const auto event = std::exchange(exec_in_call_, {})) handle(*event);
}

void Engine::leave_call_site(Tracee& tracee, const arch::GeneralRegisters& saved, uint64_t mask) {
  const pid_t tid = tracee.id.tid;
  // In this order, so that the code leads back until the registers are all there.
  (void)ptrace_.set_signal_mask(tid, mask);
  const bool interrupted = ptrace_.interrupt(tid).is_ok();
  (void)write_registers(tracee, saved);
  resume_seccomp(tid);
  // From a stop inside a call the kernel would not look at a call to be restarted: one more stop on
  // the way out, and all is as it was.
  if (!interrupted || !ptrace_.resume(tid, 0).is_ok()) return;
  tracee.state = TraceeState::running;
  tracee.interrupt_sent = true;
  tracee.registers_known = false;
  wait_for_stop_of(tracee.id);
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
  // No signal of the target's may come in between: its handler would see these registers. Only now,
  // since the way back puts the mask right, should clew die.
  (void)ptrace_.set_signal_mask(tracee.id.tid, ~uint64_t{0});
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
  const auto gone =
      tl::unexpected(Error(ErrorCode::gone, "the thread that made a call for clew has exited"));
  const Ticking ticking(queue_.port());
  const Deadline patience = Deadline::after(std::chrono::seconds(2));
  while (!patience.passed()) {
    WaitQueue::Polled polled;
    (void)queue_.wait(tid, false, polled);
    if (polled.answer == WaitQueue::Answer::none) continue;
    if (polled.answer == WaitQueue::Answer::no_child) {
      on_vanished(tracee);
      return gone;
    }
    const WaitKind kind = polled.event.kind;
    if (kind == WaitKind::syscall_stop) {
      tracee.registers_known = false;
      return {};
    }
    log(LogArea::engine, "{}: {} during a call for clew", tid, wait_kind_name(kind));
    if (kind == WaitKind::exec) {
      // Whoever has asked for the call is in the middle of traps and pages of the old memory: it is
      // told first.
      exec_in_call_ = polled.event;
      return gone;
    }
    if (kind == WaitKind::exited || kind == WaitKind::killed || kind == WaitKind::exit) {
      handle(polled.event);
      return gone;
    }
    // A stop signal for all: the call is made behind it.
    queue_.take(polled.event);
    const bool is_signal = kind == WaitKind::signal_stop;
    (void)ptrace_.resume_to_syscall(tid, is_signal ? polled.event.signal : 0);
  }
  return fail(ErrorCode::timeout, "a system call in the target's name did not return");
}

}  // namespace clew::live
