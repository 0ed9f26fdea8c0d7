#include "live/attacher.h"

#include <fmt/format.h>
#include <sys/ptrace.h>

#include <algorithm>

#include "base/log.h"

namespace clew::live {

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
  for (;;) {
    auto tids = tasks_.list();
    if (!tids) {
      if (tracees_.empty()) return tl::unexpected(tids.error());
      return report;  // it died under us; the waits will say how
    }
    if (report.passes == 0 && on_listed) on_listed(*tids);
    ++report.passes;
    const std::unordered_set<pid_t> denied_last = denied_before_;
    report.denied.clear();
    report.leader_is_zombie = false;
    const size_t found = pass(*tids, report);
    // One that is denied twice is really denied; once may be a thread on its way out.
    const bool denied_again =
        std::all_of(report.denied.begin(), report.denied.end(),
                    [&](const DeniedThread& d) { return denied_last.contains(d.tid); });
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
  for (const pid_t tid : tids) {
    if (tracees_.find(tid) == nullptr && seize(tid, report) == Seized::yes) ++found;
  }
  return found;
}

Attacher::Seized Attacher::seize(pid_t tid, AttachReport& report) {
  const PortResult result = ptrace_.seize(tid, attach_options());
  if (result.is_ok()) {
    tracees_.add(tid, TraceeState::running);
    return Seized::yes;
  }
  if (result.is_gone()) {
    ++report.gone;
    return Seized::no;
  }
  if (result.is_denied()) return explain_denial(tid, report);
  report.denied.push_back(
      {tid, os_error(result.error, fmt::format("cannot attach to thread {}", tid)).text});
  denied_before_.insert(tid);
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
  denied_before_.insert(tid);
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
