#include "cli/target.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "os/attach_diagnosis.h"
#include "os/attach_facts.h"
#include "os/command_line.h"
#include "os/process_find.h"
#include "view/table.h"

namespace clew::cli {
namespace {

Result<Target> describe_target(pid_t requested) {
  auto proc = os::ProcDir::open(requested);
  if (!proc) {
    return fail(proc.error().code, proc.error().sys_errno,
                proc.error().code == ErrorCode::not_found
                    ? os::diagnose_attach(os::gather_attach_facts(requested)).reason
                    : proc.error().text);
  }
  const os::TaskStatus status = os::parse_task_status(proc->read("status").value_or(""));
  Target target;
  target.pid = requested;
  if (status.tgid != 0 && status.tgid != requested) {
    target.pid = status.tgid;
    target.via_tid = requested;
    proc = os::ProcDir::open(target.pid);
    if (!proc) return tl::unexpected(proc.error());
  }
  std::string name = proc->read("comm").value_or("");
  if (!name.empty() && name.back() == '\n') name.pop_back();
  target.name = printable(name);
  target.executable = printable(proc->read_link("exe").value_or(""));
  target.command_line = os::shell_quoted(os::command_line(*proc));
  target.uid = status.uids[1];
  return target;
}

std::string list_of(const std::vector<os::ProcessMatch>& matches) {
  Table table({{"PID", Table::Align::right, {}},
               {"NAME", Table::Align::left, {}},
               {"THREADS", Table::Align::right, {}},
               {"AGE", Table::Align::right, {}},
               {"COMMAND", Table::Align::left, {}}});
  for (const os::ProcessMatch& match : matches) {
    const auto age =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(match.age_seconds));
    table.add({fmt::format("{}", match.pid), match.name, fmt::format("{}", match.threads),
               format_duration(age), match.command_line});
  }
  std::string text = table.render(0, {});
  text.pop_back();
  return text;
}

Result<Target> choose(const std::string& name, const std::vector<os::ProcessMatch>& matches) {
  if (matches.size() == 1) return describe_target(matches.front().pid);
  if (matches.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no process named \"{}\"", printable(name)));
  }
  return fail(ErrorCode::not_found,
              fmt::format("{} processes are named \"{}\": choose one by its pid\n{}",
                          matches.size(), printable(name), list_of(matches)));
}

Result<Target> wait_for_name(Console& console, const std::string& name) {
  // The kernel tells nobody without CAP_NET_ADMIN of a program's start, and of its name only after
  // exec: so /proc is looked through, often enough to catch a program in its first moments and
  // seldom enough to cost a few percent.
  constexpr auto interval = std::chrono::milliseconds(20);
  console.progress(
      fmt::format("waiting for a process named \"{}\" (Ctrl-C ends)\n", printable(name)));
  for (;;) {
    // One look decides: a process that comes or goes between two would make a failure of it.
    const auto matches = os::find_processes(name);
    auto found = choose(name, matches);
    if (found || matches.size() > 1) return found;
    console.wait(-1, Deadline::after(interval));
    if (console.must_leave() || console.take_interrupt()) {
      return fail(ErrorCode::cancelled,
                  fmt::format("no process named \"{}\" has appeared", printable(name)));
    }
  }
}

}  // namespace

Result<Target> find_target(Console& console, const TargetChoice& choice) {
  const int given = (choice.pid.empty() ? 0 : 1) + (choice.name.empty() ? 0 : 1) +
                    (choice.wait_for.empty() ? 0 : 1);
  if (given == 0) {
    return fail(ErrorCode::bad_request,
                "which process? Give its PID, or --name NAME, or --wait-for NAME");
  }
  if (given > 1) return fail(ErrorCode::bad_request, "give only one of PID, --name and --wait-for");
  if (!choice.name.empty()) return choose(choice.name, os::find_processes(choice.name));
  if (!choice.wait_for.empty()) return wait_for_name(console, choice.wait_for);
  const auto pid = os::parse_pid(choice.pid);
  if (!pid) return tl::unexpected(pid.error());
  return describe_target(*pid);
}

Result<FoundTarget> open_target(Console& console, const TargetChoice& choice) {
  auto target = find_target(console, choice);
  if (!target) return tl::unexpected(target.error());
  auto proc = os::ProcDir::open(target->pid);
  if (!proc) return tl::unexpected(proc.error());
  return FoundTarget{std::move(*target), std::move(*proc)};
}

Error explain_attach_failure(const Target& target, const Error& error) {
  const os::AttachFacts facts = os::gather_attach_facts(target.pid);
  os::Diagnosis diagnosis = os::diagnose_attach(facts);
  if (diagnosis.possible) {
    if (error.code != ErrorCode::permission) return error;
    diagnosis = os::diagnose_denial(facts);
  }
  std::string text = diagnosis.reason;
  if (!diagnosis.remedy.empty()) text += "; " + diagnosis.remedy;
  return {error.code, error.sys_errno, std::move(text)};
}

}  // namespace clew::cli
