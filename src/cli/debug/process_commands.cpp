// Several processes at once: the list of them, and which one commands are about.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "view/table.h"

namespace clew::cli {
namespace {

std::string name_in_proc(const DebuggedProcess& process) {
  // Not what it was called when it came: it may have executed another program.
  std::string buffer(64, '\0');
  const auto comm = process.proc->read_task(process.session->pid(), "comm", buffer);
  return comm ? printable(comm->substr(0, comm->find('\n'))) : "";
}

/// "all", or numbers with commas between them. @return bad_request, not_found.
Result<std::vector<unsigned>> processes_of_list(Debugger& debugger, const std::string& list) {
  std::vector<unsigned> attached;
  for (const DebuggedProcess* process : debugger.processes()) attached.push_back(process->number);
  if (list == "all") return attached;
  std::vector<unsigned> chosen;
  for (const char* at = list.data(); at != nullptr;) {
    const char* const end = list.data() + list.size();
    unsigned number = 0;
    const auto [behind, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (behind != end && *behind != ',')) {
      return fail(ErrorCode::bad_request,
                  fmt::format("\"{}\" is no list of processes: give `all`, or numbers as in 1,3",
                              printable(list)));
    }
    if (std::find(attached.begin(), attached.end(), number) == attached.end()) {
      return fail(ErrorCode::not_found,
                  fmt::format("there is no process {}: see `processes`", number));
    }
    chosen.push_back(number);
    at = behind == end ? nullptr : behind + 1;
  }
  return chosen;
}

Status apply_to_processes(Debugger& debugger, const Arguments& arguments) {
  if (arguments.words.size() < 3) {
    return fail(ErrorCode::bad_request,
                "usage: process apply all|LIST COMMAND, as in `process apply all threads`");
  }
  const auto chosen = processes_of_list(debugger, arguments.words[1]);
  if (!chosen) return tl::unexpected(chosen.error());
  const size_t list_at = arguments.text.find(arguments.words[1], arguments.words[0].size());
  const std::string command = arguments.text.substr(list_at + arguments.words[1].size());
  size_t failures = 0;
  for (const unsigned number : *chosen) {
    Console& console = debugger.console();
    if (console.must_leave() || console.is_interrupted()) break;
    // One that has ended meanwhile has said so.
    (void)debugger.with_process(number, [&]() -> Status {
      console.out(console.style().heading(Debugger::name_of(debugger.now())) + "\n");
      failures += debugger.execute(command) ? 0 : 1;
      return {};
    });
  }
  if (failures == 0) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("that failed in {} of {} processes", failures, chosen->size()));
}

Status process_command(Debugger& debugger, const Arguments& arguments) {
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  if (!arguments.words.empty() && arguments.words[0] == "apply")
    return apply_to_processes(debugger, arguments);
  if (!arguments.words.empty()) {
    unsigned number = 0;
    const std::string& word = arguments.words[0];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (arguments.words.size() != 1 || error != std::errc() || end != word.data() + word.size()) {
      return fail(ErrorCode::bad_request,
                  "usage: process [N | apply all|LIST COMMAND]: `processes` shows the numbers");
    }
    if (auto selected = debugger.select_process(number); !selected) return selected;
  }
  const DebuggedProcess& now = debugger.now();
  debugger.console().out(fmt::format("{} \"{}\": {}\n", Debugger::name_of(now), name_in_proc(now),
                                     now.runs() ? "running" : "held"));
  if (!now.runs()) debugger.console().out(debugger.describe_selection());
  return {};
}

const DebugCommand process_list[] = {
    {"processes",
     {"inferiors"},
     "",
     "the processes that are under clew",
     "There are several when `set follow-fork both` or `set detach-on-fork off` keeps the children "
     "of one.",
     show_processes},
    {"process",
     {"inferior"},
     "[N | apply all|LIST COMMAND]",
     "choose which process commands are about, show it, or run a command in several",
     "N is clew's number of the process, which `processes` shows. LIST has numbers: 1,3.\n"
     "Each process has threads, breakpoints and a selection of its own: a child begins with its "
     "parent's\n"
     "breakpoints. When one stops while the present one runs, it becomes the present one; Ctrl-C "
     "stops all.",
     process_command},
};

}  // namespace

Status show_processes(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.words.empty()) return fail(ErrorCode::bad_request, "processes takes no arguments");
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  using Align = Table::Align;
  Table table({{"", Align::left, {}},
               {"process", Align::right, {}},
               {"pid", Align::right, {}},
               {"parent", Align::right, {}},
               {"threads", Align::right, {}},
               {"state", Align::left, {}},
               {"name", Align::left, {}}});
  for (const DebuggedProcess* process : debugger.processes()) {
    table.add_row(process == &debugger.now() ? "*" : " ", std::to_string(process->number),
                  std::to_string(process->session->pid()),
                  process->parent == 0 ? "" : std::to_string(process->parent),
                  std::to_string(process->session->threads().size()),
                  process->runs() ? "running" : "held", name_in_proc(*process));
  }
  Console& console = debugger.console();
  console.out(table.render(console.width(), [&](std::string_view text) {
    return console.style().heading(std::string(text));
  }));
  return {};
}

std::span<const DebugCommand> process_commands() { return process_list; }

}  // namespace clew::cli
