#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/info_topics.h"
#include "os/command_line.h"
#include "os/signal_names.h"
#include "os/task_facts.h"

namespace clew::cli {
namespace {

Status run_other(Debugger& debugger, std::string_view name, const Arguments& arguments) {
  const auto command = find_debug_command(name);
  return (*command)->run(debugger, arguments);
}

Status show_target(Debugger& debugger, const Arguments&) {
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

Status show_program(Debugger& debugger, const Arguments&) {
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

Status show_signals(Debugger& debugger, const Arguments&) {
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

Status info_registers(Debugger& debugger, const Arguments& arguments) {
  return run_other(debugger, "regs", arguments);
}

Status show_all_registers(Debugger& debugger, const Arguments& arguments) {
  Arguments all = arguments;
  all.words.insert(all.words.begin(), "-a");
  return run_other(debugger, "regs", all);
}

Status info_threads(Debugger& debugger, const Arguments& arguments) {
  return run_other(debugger, "threads", arguments);
}

Status show_mappings(Debugger& debugger, const Arguments& arguments) {
  return run_other(debugger, "maps", arguments);
}

Status show_process(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text == "mappings") return show_mappings(debugger, {});
  return show_target(debugger, arguments);
}

/// The topic that the first word names, and what follows it. nullptr when there is none.
const InfoTopic* split_topic(const Arguments& arguments, Arguments& rest) {
  const std::string what = arguments.words.empty() ? "" : arguments.words[0];
  rest = arguments;
  if (!rest.words.empty()) rest.words.erase(rest.words.begin());
  const size_t behind = arguments.text.find_first_not_of(" \t", what.size());
  rest.text = behind == std::string::npos ? "" : arguments.text.substr(behind);
  for (const InfoTopic& topic : info_topics()) {
    if (what.size() >= topic.shortest && topic.name.starts_with(what)) return &topic;
  }
  return nullptr;
}

Status info(Debugger& debugger, const Arguments& arguments) {
  Arguments rest;
  if (const InfoTopic* const topic = split_topic(arguments, rest))
    return topic->run(debugger, rest);
  std::string names;
  for (const InfoTopic& topic : info_topics())
    names += (names.empty() ? "" : ", ") + std::string(topic.name);
  return fail(ErrorCode::bad_request, "info of what? " + names);
}

void prepare_info(Debugger& debugger, const Arguments& arguments) {
  Arguments rest;
  const InfoTopic* const topic = split_topic(arguments, rest);
  if (topic != nullptr && topic->prepare != nullptr) topic->prepare(debugger, rest);
}

const InfoTopic process_topic_list[] = {
    {"threads", 2, "", "the table of all threads", info_threads},
    {"frame", 1, "", "the selected frame in detail", show_frame},
    {"registers", 1, "[NAME...]", "registers of the selected thread", info_registers},
    {"all-registers", 2, "", "the vector and debug registers too", show_all_registers},
    {"maps", 1, "[TEXT]", "the mappings of the process", show_mappings},
    {"mappings", 3, "[TEXT]", "the same", show_mappings},
    {"target", 2, "", "what is attached and how long it was stopped", show_target},
    {"inferiors", 3, "", "the processes that are under clew", show_processes},
    {"processes", 5, "", "the same", show_processes},
    {"program", 3, "", "what `run` starts, and how the last run ended", show_program},
    {"proc", 1, "[mappings]", "what is attached", show_process},
    {"skip", 2, "", "the functions that `step` does not enter", show_skips},
    {"breakpoints", 1, "[BREAKPOINT…]", "breakpoints with their places and hits, by thread too",
     show_breakpoints},
    {"watchpoints", 3, "", "those of them that watch memory", show_watchpoints},
    {"signals", 1, "", "which are blocked, ignored, handled and pending", show_signals},
};

/// A line of help for each topic.
std::string_view details() {
  static const std::string text = [] {
    std::string lines;
    for (const InfoTopic& topic : info_topics()) {
      const std::string usage =
          fmt::format("{}{}{}", topic.name, topic.usage.empty() ? "" : " ", topic.usage);
      lines += fmt::format("{}{:<28} {}", lines.empty() ? "" : "\n", usage, topic.summary);
    }
    return lines;
  }();
  return text;
}

}  // namespace

std::span<const InfoTopic> process_topics() { return process_topic_list; }

std::span<const InfoTopic> info_topics() {
  static const std::vector<InfoTopic> all = [] {
    std::vector<InfoTopic> joined;
    for (const auto part :
         {process_topics(), value_topics(), code_topics(), name_topics(), module_topics()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

std::span<const DebugCommand> info_commands() {
  static const DebugCommand commands[] = {
      {"info",
       {"i"},
       "TOPIC [ARGUMENTS]",
       "facts about the process, its code and the selected thread",
       details(),
       info,
       true,
       prepare_info},
  };
  return commands;
}

}  // namespace clew::cli
