#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "os/command_line.h"
#include "os/signal_names.h"
#include "os/task_facts.h"

namespace clew::cli {
namespace {

Status run_other(Debugger& debugger, std::string_view name, const Arguments& arguments) {
  const auto command = find_debug_command(name);
  return (*command)->run(debugger, arguments);
}

Status show_target(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto proc = os::ProcDir::open((*session)->pid());
  if (!proc) return tl::unexpected(proc.error());
  const os::TaskStatus status = os::parse_task_status(proc->read("status").value_or(""));
  const PauseTimes pause = (*session)->inferior().run_control()->pause_times();
  std::string text = fmt::format("process    {}\n", (*session)->pid());
  if (status.namespace_pids.size() > 1)
    text += fmt::format("inside     {} in its own pid namespace\n", status.namespace_pids.back());
  text += fmt::format("program    {}\n", os::shell_quoted({proc->read_link("exe").value_or("?")}));
  text += fmt::format("command    {}\n", os::shell_quoted(os::command_line(*proc)));
  text += fmt::format("user       {}\n", status.uids[1]);
  text += fmt::format("threads    {}\n", (*session)->threads().size());
  text += fmt::format("state      {}\n", (*session)->is_holding()
                                             ? "held for " + format_duration(pause.current)
                                             : std::string("running"));
  text += fmt::format("longest    {} in one stop\n", format_duration(pause.longest));
  debugger.console().out(text);
  return {};
}

std::string describe_process(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return "none";
  return fmt::format("{}, {}, {}", (*session)->pid(),
                     (*session)->is_launched() ? "started by clew" : "attached",
                     (*session)->is_holding() ? "held" : "running");
}

Status show_program(Debugger& debugger) {
  std::string text = fmt::format("process    {}\n", describe_process(debugger));
  const auto line = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, value);
  };
  const auto program = debugger.program();
  if (!program) {
    line("program", program.error().text);
  } else {
    const LaunchOptions& options = **program;
    const std::string& file = options.program.empty() ? options.arguments[0] : options.program;
    line("program", os::shell_quoted({file}));
    line("arguments", os::shell_quoted({options.arguments.begin() + 1, options.arguments.end()}));
    line("folder", options.directory.empty() ? "as clew's own" : printable(options.directory));
    for (const EnvironmentChange& change : options.changes)
      line(change.value ? "with" : "without",
           change.value ? os::shell_quoted({change.name + "=" + *change.value})
                        : printable(change.name));
    line("input", printable(options.input));
    line("output", printable(options.output));
    line("errors", printable(options.error_output));
    line("terminal", printable(options.terminal));
    if (options.randomize)
      line("addresses", *options.randomize ? "randomized (--aslr)" : "fixed (--no-aslr)");
  }
  line("last run", debugger.last_end());
  debugger.console().out(text);
  return {};
}

Status show_signals(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto id = (*session)->selected();
  if (!id) return tl::unexpected(id.error());
  const auto proc = os::ProcDir::open((*session)->pid());
  if (!proc) return tl::unexpected(proc.error());
  const auto text = proc->read(fmt::format("task/{}/status", id->tid));
  if (!text) return tl::unexpected(text.error());
  const os::TaskStatus status = os::parse_task_status(*text);
  debugger.console().out(fmt::format(
      "blocked    {} (thread {})\nignored    {}\nhandled    {}\npending    {} (thread), {} "
      "(process)\nqueued     {} of {}\n",
      os::format_sigset(status.blocked), id->number, os::format_sigset(status.ignored),
      os::format_sigset(status.caught), os::format_sigset(status.pending),
      os::format_sigset(status.shared_pending), status.signals_queued, status.signals_limit));
  return {};
}

Status info(Debugger& debugger, const Arguments& arguments) {
  const std::string what = arguments.words.empty() ? "" : arguments.words[0];
  Arguments rest;
  for (size_t i = 1; i < arguments.words.size(); ++i) {
    rest.words.push_back(arguments.words[i]);
    rest.text += (rest.text.empty() ? "" : " ") + arguments.words[i];
  }
  const auto is = [&](std::string_view name, size_t shortest) {
    return what.size() >= shortest && name.starts_with(what);
  };
  if (is("threads", 2)) return run_other(debugger, "threads", rest);
  if (is("registers", 1)) return run_other(debugger, "regs", rest);
  if (what == "all-registers") {
    rest.words.insert(rest.words.begin(), "-a");
    return run_other(debugger, "regs", rest);
  }
  if (is("maps", 1) || is("mappings", 3)) return run_other(debugger, "maps", rest);
  if (is("proc", 1)) {
    if (rest.text == "mappings") return run_other(debugger, "maps", {});
    return show_target(debugger);
  }
  if (is("target", 2) || is("inferiors", 3)) return show_target(debugger);
  if (is("program", 3)) return show_program(debugger);
  if (is("breakpoints", 1)) return show_breakpoints(debugger);
  if (is("signals", 1)) return show_signals(debugger);
  return fail(ErrorCode::bad_request,
              "info of what? threads, registers, breakpoints, maps, target, program or signals");
}

const DebugCommand commands[] = {
    {"info",
     {"i"},
     "threads|registers|breakpoints|maps|target|program|signals",
     "facts about the process and the selected thread",
     "target: what is attached and how long it was stopped. program: what `run` starts, and how "
     "the "
     "last\nrun ended. signals: which are blocked, ignored, handled and pending.",
     info,
     true},
};

}  // namespace

std::span<const DebugCommand> info_commands() { return commands; }

}  // namespace clew::cli
