#include "live/live_process.h"

#include <elf.h>
#include <fmt/format.h>

namespace clew::live {
LiveProcess::LiveProcess(os::ProcDir proc, os::Pidfd pidfd, os::EventLoop& loop,
                         Neighbours* neighbours)
    : proc_(std::move(proc)),
      pidfd_(std::move(pidfd)),
      arch_(arch::native()),
      ptrace_(system_ptrace_port()),
      waits_(system_wait_port(loop)),
      tasks_(system_task_port(proc_)),
      memory_(proc_, *ptrace_),
      engine_(proc_.pid(), *ptrace_, *waits_, *tasks_, memory_, arch_, neighbours) {}

Result<std::unique_ptr<LiveProcess>> LiveProcess::open(pid_t pid, os::EventLoop& loop,
                                                       Neighbours* neighbours) {
  // While a thread that is not the leader executes a program, its process can look as if it had
  // exited.
  constexpr int tries = 3;
  auto opened = open_once(pid, loop, neighbours);
  for (int i = 1; i < tries && !opened && opened.error().sys_errno == ESRCH; ++i)
    opened = open_once(pid, loop, neighbours);
  return opened;
}

Result<std::unique_ptr<LiveProcess>> LiveProcess::open_once(pid_t pid, os::EventLoop& loop,
                                                            Neighbours* neighbours) {
  auto pidfd = os::Pidfd::open(pid);
  if (!pidfd) {
    if (pidfd.error().code == ErrorCode::gone || pidfd.error().code == ErrorCode::not_found) {
      return fail(ErrorCode::not_found, ESRCH, fmt::format("there is no process {}", pid));
    }
    return tl::unexpected(pidfd.error());
  }
  auto proc = os::ProcDir::open(pid);
  if (!proc) return tl::unexpected(proc.error());
  // Alive after /proc was opened: then both are of the same process, and the number was not given
  // to another between.
  if (!pidfd->is_alive()) {
    return fail(ErrorCode::gone, ESRCH, fmt::format("process {} has just exited", pid));
  }
  return std::unique_ptr<LiveProcess>(
      new LiveProcess(std::move(*proc), std::move(*pidfd), loop, neighbours));
}

Result<Backend::Attached> LiveProcess::attach(pid_t pid, os::EventLoop& loop,
                                              const Backend::Options& options, LetGo* let_go,
                                              Neighbours* neighbours) {
  auto process = open(pid, loop, neighbours);
  if (!process) return tl::unexpected(process.error());
  if (let_go != nullptr && let_go->take(pid)) (*process)->let_go_ = let_go;
  auto report = (*process)->engine_.attach(options.deadline, options.on_listed);
  if (!report) {
    if ((*process)->let_go_ != nullptr) let_go->add(pid);
    return tl::unexpected(report.error());
  }
  return Backend::Attached{std::move(*process), std::move(*report), false, {}};
}

Result<Backend::RollReport> LiveProcess::roll(
    pid_t pid, os::EventLoop& loop, const Backend::Options& options,
    const std::function<void(const Backend::Look&)>& visitor) {
  auto process = open(pid, loop, nullptr);
  if (!process) return tl::unexpected(process.error());
  auto tids = (*process)->proc_.tids();
  if (!tids) return tl::unexpected(tids.error());
  if (options.on_listed) options.on_listed(*tids);
  Engine& engine = (*process)->engine_;
  Backend::RollReport report;
  const auto look = [&](Tracee& tracee) {
    const ThreadActivity activity = Engine::activity(tracee);
    const auto registers = engine.registers(tracee);
    if (!registers) return;
    ++report.seen;
    visitor({tracee.id.tid, activity, **registers});
  };
  for (const pid_t tid : *tids) {
    if (options.deadline.passed()) {
      report.timed_out = true;
      break;
    }
    const Deadline patience = options.deadline.sooner(Deadline::after(std::chrono::seconds(2)));
    const auto visited = engine.visit(tid, patience, look);
    if (visited) {
      if (!*visited) report.not_stopped.push_back(tid);
    } else if (visited.error().code == ErrorCode::gone || !(*process)->proc_.has_thread(tid)) {
      ++report.gone;
    } else {
      report.denied.push_back({tid, visited.error().text});
    }
  }
  report.verified = engine.traces_nothing();
  report.longest_pause = engine.pause_times().longest;
  return report;
}

std::vector<Thread> LiveProcess::threads() const {
  std::vector<Thread> threads;
  threads.reserve(engine_.tracees().thread_count());
  for (const auto& tracee : engine_.tracees().order()) {
    if (tracee->id.tid != 0 && !tracee->foreign)
      threads.push_back({tracee->id, Engine::activity(*tracee)});
  }
  return threads;
}

Result<const arch::GeneralRegisters*> LiveProcess::general(ThreadId id) {
  auto tracee = engine_.held(id);
  if (!tracee) return tl::unexpected(tracee.error());
  return engine_.registers(**tracee);
}

Result<std::vector<std::byte>> LiveProcess::extended(ThreadId id) {
  if (auto tracee = engine_.held(id); !tracee) return tl::unexpected(tracee.error());
  std::vector<std::byte> state(extended_capacity);
  size_t size = 0;
  const PortResult result = ptrace_->read_registers(id.tid, NT_X86_XSTATE, state, size);
  if (!result.is_ok()) return fail_os(result.error, "cannot read the vector registers");
  state.resize(size);
  return state;
}

Result<uint64_t> LiveProcess::debug(ThreadId id, size_t index) {
  if (auto tracee = engine_.held(id); !tracee) return tl::unexpected(tracee.error());
  uint64_t word = 0;
  const PortResult result =
      ptrace_->read_user(id.tid, arch_.debug_register_base + index * sizeof word, word);
  if (!result.is_ok()) return fail_os(result.error, "cannot read the debug register");
  return word;
}

Result<std::vector<std::byte>> LiveProcess::signal_info(ThreadId id) {
  const auto tracee = engine_.held(id);
  if (!tracee) return tl::unexpected(tracee.error());
  // At a stop of clew's own the kernel has something to say as well, but of that stop.
  if ((*tracee)->state != TraceeState::signal_stopped)
    return fail(ErrorCode::not_found, "the thread is not held before a signal");
  siginfo_t info{};
  const PortResult result = ptrace_->signal_info(id.tid, info);
  if (!result.is_ok()) return fail_os(result.error, "cannot read what is known of the signal");
  const Bytes bytes = bytes_of(info);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

Result<size_t> LiveProcess::read_memory(Addr address, MutableBytes into) {
  auto n = memory_.read_memory(address, into);
  if (n) engine_.traps().hide(address, into.first(*n));
  return n;
}

Status LiveProcess::write_general(ThreadId id, const arch::GeneralRegisters& registers) {
  auto tracee = engine_.held(id);
  if (!tracee) return tl::unexpected(tracee.error());
  return engine_.write_registers(**tracee, registers);
}

Status LiveProcess::write_extended(ThreadId id, Bytes state) {
  if (auto tracee = engine_.held(id); !tracee) return tl::unexpected(tracee.error());
  const PortResult result = ptrace_->write_registers(id.tid, NT_X86_XSTATE, state);
  if (!result.is_ok()) return fail_os(result.error, "cannot write the vector registers");
  return {};
}

Status LiveProcess::write_debug(ThreadId id, size_t index, uint64_t value) {
  if (auto tracee = engine_.held(id); !tracee) return tl::unexpected(tracee.error());
  const PortResult result =
      ptrace_->write_user(id.tid, arch_.debug_register_base + index * sizeof value, value);
  if (!result.is_ok()) return fail_os(result.error, "the debug register does not take that value");
  return {};
}

Status LiveProcess::write_memory(Addr address, Bytes data) {
  std::optional<pid_t> held;
  for (const auto& tracee : engine_.tracees().order()) {
    if (tracee->id.tid != 0 && !tracee->foreign && tracee->is_trapped()) {
      held = tracee->id.tid;
      break;
    }
  }
  std::vector<std::byte> bytes(data.begin(), data.end());
  engine_.traps().write_through(address, bytes);
  return memory_.write_memory(address, bytes, held);
}

}  // namespace clew::live
