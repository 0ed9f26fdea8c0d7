#include "live/attacher.h"

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>

#include "base/log.h"

namespace clew::live {
namespace {

constexpr int certain_denials = 3;

}  // namespace

unsigned attach_options() {
  return PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE |
         PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD;
}

PortResult Attacher::seize_alone(pid_t tid) {
  const PortResult result = ptrace_.seize(tid, PTRACE_O_TRACESYSGOOD);
  if (result.is_ok()) tracees_.add(tid, TraceeState::running);
  return result;
}

Result<AttachReport> Attacher::run(const Deadline& deadline, const OnListed& on_listed) {
  AttachReport report;
  bool had_some = false;
  for (;;) {
    auto tids = tasks_.list();
    if (!tids) {
      if (tracees_.empty()) return tl::unexpected(tids.error());
      return report;  // it died under us; the waits will say how
    }
    if (report.passes == 0 && on_listed) on_listed(*tids);
    ++report.passes;
    const size_t gone_before = report.gone;
    report.denied.clear();
    report.leader_is_zombie = false;
    const size_t found = pass(*tids, report);
    if (busy_ != 0 && await_exec(report)) {
      if (!deadline.passed()) continue;
      report.cancelled = true;
      break;
    }
    if (busy_ == 0) busy_since_.reset();
    // One that is denied again and again is really denied; else it may be a thread on its way out,
    // or an exec is giving its number to another.
    const bool denied_again =
        std::all_of(report.denied.begin(), report.denied.end(),
                    [&](const DeniedThread& d) { return denials_[d.tid] >= certain_denials; });
    // Where an exec has replaced all that was listed, there is another thread now. A process that
    // has exited is not listed any more.
    constexpr int most_empty_passes = 1000;
    had_some = had_some || found > 0;
    const bool all_went = tracees_.empty() && (had_some || report.gone > gone_before);
    if (all_went && report.passes < most_empty_passes && !deadline.passed()) continue;
    if (denied_again && (found == 0 || (report.denied.empty() && is_complete(report)))) break;
    if (deadline.passed()) {
      report.cancelled = true;
      break;
    }
  }
  if (report.passes > 1 || report.gone > 0) find_strays();
  report.seized = tracees_.thread_count();
  log(LogArea::engine, "attached: {} seized, {} gone, {} denied, {} passes", report.seized,
      report.gone, report.denied.size(), report.passes);
  if (report.seized == 0 && !report.denied.empty()) {
    return fail(ErrorCode::permission, EPERM, report.denied.front().reason);
  }
  if (report.seized == 0) {
    return fail(ErrorCode::gone, ESRCH, fmt::format("process {} has exited", tasks_.leader()));
  }
  return report;
}

size_t Attacher::pass(const std::vector<pid_t>& tids, AttachReport& report) {
  size_t found = 0;
  busy_ = 0;
  for (const pid_t tid : tids) {
    if (tracees_.find(tid) != nullptr) continue;
    const Seized seized = seize(tid, report);
    if (seized == Seized::yes) ++found;
    if (seized == Seized::busy) {
      busy_ = tid;
      break;
    }
  }
  return found;
}

bool Attacher::await_exec(AttachReport& report) {
  constexpr auto patience = std::chrono::seconds(2);
  if (!busy_since_) busy_since_ = Clock::now();
  if (Clock::now() - *busy_since_ < patience) {
    if (attend_) attend_();
    return true;
  }
  report.denied.push_back(
      {busy_, fmt::format("thread {} cannot be attached to: its process is in the middle of an "
                          "execve that does not end; is another debugger at work?",
                          busy_)});
  denials_[busy_] = certain_denials;
  return false;
}

Attacher::Seized Attacher::seize(pid_t tid, AttachReport& report) {
  const PortResult result = ptrace_.seize(tid, attach_options());
  if (result.is_ok()) {
    tracees_.add(tid, TraceeState::running);
    return Seized::yes;
  }
  if (result.is_busy()) return Seized::busy;
  if (result.is_gone()) {
    ++report.gone;
    return Seized::no;
  }
  if (result.is_denied()) return explain_denial(tid, report);
  report.denied.push_back(
      {tid, os_error(result.error, fmt::format("cannot attach to thread {}", tid)).text});
  ++denials_[tid];
  return Seized::denied;
}

Attacher::Seized Attacher::explain_denial(pid_t tid, AttachReport& report) {
  // EPERM has four causes (kernel facts, 4).
  const TaskPort::Facts facts = tasks_.facts(tid);
  if (!facts.exists) {
    ++report.gone;
    return Seized::no;
  }
  if (facts.tracer == tasks_.own_tid()) {
    // Born of a thread that we have, and attached by that: in the listing before the news of its
    // birth.
    tracees_.add(tid, TraceeState::newborn);
    return Seized::yes;
  }
  if (facts.state == 'Z' || facts.state == 'X') {
    if (tid == tasks_.leader()) {
      report.leader_is_zombie = true;
    } else {
      ++report.gone;
    }
    return Seized::no;
  }
  ++denials_[tid];
  report.denied.push_back(
      {tid, facts.tracer != 0 ? fmt::format("thread {} is already traced by {}", tid, facts.tracer)
                              : fmt::format("the kernel does not permit to trace thread {}", tid)});
  return Seized::denied;
}

bool Attacher::is_complete(const AttachReport& report) const {
  // Every thread that we have seized stays counted until we reap it, so that equal numbers mean
  // equal sets. This spares a second listing, the dearest step with ten thousand threads.
  return tasks_.count() == tracees_.thread_count() + (report.leader_is_zombie ? 1 : 0);
}

void Attacher::find_strays() {
  for (const auto& tracee : tracees_.order()) {
    if (tracee->state == TraceeState::running && !tasks_.has(tracee->id.tid))
      strays_.push_back(tracee->id.tid);
  }
  for (const pid_t tid : strays_) {
    tracees_.remove(tid);
    tracees_.add(tid, TraceeState::running, true);
  }
}

}  // namespace clew::live
