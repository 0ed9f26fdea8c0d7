#include "live/wait_queue.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <csignal>

#include "base/log.h"

namespace clew::live {
namespace {

WaitKind kind_of_event(int event, int signal) {
  switch (event) {
    case PTRACE_EVENT_STOP:
      return signal == SIGTRAP ? WaitKind::interrupt_stop : WaitKind::group_stop;
    case PTRACE_EVENT_CLONE:
      return WaitKind::clone;
    case PTRACE_EVENT_FORK:
      return WaitKind::fork;
    case PTRACE_EVENT_VFORK:
      return WaitKind::vfork;
    case PTRACE_EVENT_VFORK_DONE:
      return WaitKind::vfork_done;
    case PTRACE_EVENT_EXEC:
      return WaitKind::exec;
    case PTRACE_EVENT_EXIT:
      return WaitKind::exit;
    default:
      return WaitKind::other;
  }
}

}  // namespace

WaitEvent decode_wait_status(pid_t tid, int status) {
  WaitEvent event;
  event.tid = tid;
  if (WIFEXITED(status)) {
    event.kind = WaitKind::exited;
    event.exit_code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    event.kind = WaitKind::killed;
    event.signal = WTERMSIG(status);
    event.core_dumped = WCOREDUMP(status);
  } else if (WIFSTOPPED(status)) {
    event.signal = WSTOPSIG(status);
    const int ptrace_event = status >> 16;
    if (ptrace_event != 0) {
      event.kind = kind_of_event(ptrace_event, event.signal);
    } else if (event.signal == (SIGTRAP | 0x80)) {
      event.kind = WaitKind::syscall_stop;
      event.signal = SIGTRAP;
    } else {
      event.kind = WaitKind::signal_stop;
    }
  }
  return event;
}

const char* wait_kind_name(WaitKind kind) {
  switch (kind) {
    case WaitKind::exited:
      return "exited";
    case WaitKind::killed:
      return "killed";
    case WaitKind::signal_stop:
      return "signal_stop";
    case WaitKind::interrupt_stop:
      return "interrupt_stop";
    case WaitKind::group_stop:
      return "group_stop";
    case WaitKind::syscall_stop:
      return "syscall_stop";
    case WaitKind::clone:
      return "clone";
    case WaitKind::fork:
      return "fork";
    case WaitKind::vfork:
      return "vfork";
    case WaitKind::vfork_done:
      return "vfork_done";
    case WaitKind::exec:
      return "exec";
    case WaitKind::exit:
      return "exit";
    case WaitKind::other:
      return "other";
  }
  return "other";
}

WaitPort::Wake WaitQueue::wait(pid_t tid, bool interruptible, Polled& polled) {
  RawWait raw;
  const WaitPort::Wake wake = port_.wait(tid, interruptible, peeking_, raw);
  polled = peeking_ ? peeked(raw) : decoded(raw);
  return wake;
}

WaitQueue::Polled WaitQueue::peeked(const RawWait& raw) {
  if (raw.kind != RawWait::Kind::status) return decoded(raw);
  constexpr int trap_stop = SIGTRAP << 8 | 0x7f;
  if (raw.status != trap_stop) return decoded(port_.poll(raw.tid));
  Polled polled = decoded(raw);
  polled.event.untaken = true;
  return polled;
}

void WaitQueue::take(WaitEvent& event) {
  if (!event.untaken) return;
  event.untaken = false;
  // A SIGKILL may have ended the stop since: then this finds nothing, and the end is to come.
  (void)port_.take_stop(event.tid);
}

void EarlyStops::keep(const WaitEvent& event) {
  auto& kept = kept_[event.tid];
  if (event.kind == WaitKind::exited || event.kind == WaitKind::killed) kept.clear();
  kept.push_back(event);
}

std::optional<WaitEvent> EarlyStops::take(pid_t tid) {
  const auto found = kept_.find(tid);
  if (found == kept_.end()) return std::nullopt;
  const WaitEvent event = found->second.front();
  found->second.pop_front();
  if (found->second.empty()) kept_.erase(found);
  return event;
}

std::vector<pid_t> EarlyStops::tids() const {
  std::vector<pid_t> tids;
  for (const auto& [tid, events] : kept_) tids.push_back(tid);
  return tids;
}

WaitQueue::Polled WaitQueue::decoded(const RawWait& raw) {
  switch (raw.kind) {
    case RawWait::Kind::none:
      return {};
    case RawWait::Kind::no_child:
      return {Answer::no_child, {}};
    case RawWait::Kind::status:
      break;
  }
  const WaitEvent event = decode_wait_status(raw.tid, raw.status);
  log(LogArea::wait, "{} {} signal {}", event.tid, wait_kind_name(event.kind), event.signal);
  return {Answer::event, event};
}

}  // namespace clew::live
