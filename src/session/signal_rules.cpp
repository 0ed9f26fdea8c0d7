#include "session/signal_rules.h"

#include <fmt/format.h>

#include <csignal>

#include "os/proc_dir.h"
#include "os/signal_names.h"
#include "os/task_facts.h"

namespace clew {

SignalRules::SignalRules(pid_t pid) : pid_(pid) {
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP})
    set(fault, {SignalRule::Stop::when_fatal, true, true});
}

bool SignalRules::is_fatal(int signal) const {
  const auto proc = os::ProcDir::open(pid_);
  if (!proc) return false;
  const os::TaskStatus status = os::parse_task_status(proc->read("status").value_or(""));
  return ((status.caught | status.ignored) >> (signal - 1) & 1) == 0;
}

SignalVerdict SignalRules::judge(ThreadId thread, int signal) {
  if (signal < 1 || signal >= count) return {};
  const SignalRule& rule = of(signal);
  const bool stops = rule.stop == SignalRule::Stop::yes ||
                     (rule.stop == SignalRule::Stop::when_fatal && is_fatal(signal));
  if (stops) {
    stops_.push_back({thread, signal, rule.pass});
  } else if (rule.print && rule.stop != SignalRule::Stop::when_fatal) {
    lines_.push_back(fmt::format("thread {} (tid {}) gets {}{}", thread.number, thread.tid,
                                 os::signal_name(signal), rule.pass ? "" : ", which is withheld"));
  }
  return {rule.pass, stops};
}

}  // namespace clew
