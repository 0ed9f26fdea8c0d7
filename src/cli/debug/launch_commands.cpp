#include <elf.h>
#include <fmt/format.h>

#include <cstring>

#include "cli/debug/command_list.h"
#include "os/command_line.h"
#include "os/shell_words.h"

namespace clew::cli {
namespace {

/// Makes room for another run of the program. @return false when the user does not want that.
Result<bool> end_present_process(Debugger& debugger, std::string_view command) {
  const auto session = debugger.session();
  if (!session) return true;
  const pid_t pid = (*session)->pid();
  if (debugger.processes().size() > 1) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("{} processes are attached: `detach` or `kill` all but the one that is to "
                    "make room (`processes`)",
                    debugger.processes().size()));
  }
  if (!(*session)->is_launched()) {
    // Not clew's to end, unless its user says so.
    if (!debugger.is_interactive()) {
      return fail(
          ErrorCode::bad_request,
          fmt::format("process {} was not started by clew: `kill` or `detach` it before `{}`", pid,
                      command));
    }
    const auto program = debugger.program();
    if (!program) return tl::unexpected(program.error());
    if (!debugger.confirm(fmt::format(
            "process {} was not started by clew. Kill it, and start this in its place: {}?", pid,
            os::shell_quoted((*program)->arguments)))) {
      return false;
    }
  } else if (debugger.is_interactive() && !debugger.is_fresh() &&
             !debugger.confirm(fmt::format("kill process {} and start the program again?", pid))) {
    return false;
  }
  if (auto killed = debugger.kill(); !killed) return tl::unexpected(killed.error());
  debugger.print_notices();
  return true;
}

/// Takes an "&" off the end of the line.
bool take_background(std::string& text) {
  if (text.empty() || text.back() != '&') return false;
  if (text.size() > 1 && text[text.size() - 2] != ' ') return false;
  text.pop_back();
  return true;
}

Status set_words(Debugger& debugger, const std::string& text) {
  auto words = os::split_shell_words(text);
  if (!words) return tl::unexpected(words.error());
  if (words->empty()) return {};
  LaunchOptions& settings = debugger.program_settings();
  // With no program known the first word names it.
  if (!settings.arguments.empty()) words->insert(words->begin(), settings.arguments.front());
  settings.arguments = std::move(*words);
  return {};
}

/// Starts the program, with other arguments when there are any in `text`. @return false when the
/// user does not want that.
Result<bool> begin_again(Debugger& debugger, const std::string& text, std::string_view command) {
  const auto words = os::split_shell_words(text);
  if (!words) return tl::unexpected(words.error());
  if (const auto program = debugger.program(); !program && words->empty())
    return tl::unexpected(program.error());
  auto ended = end_present_process(debugger, command);
  if (!ended || !*ended) return ended;
  if (auto set = set_words(debugger, text); !set) return tl::unexpected(set.error());
  if (auto launched = debugger.launch(); !launched) return tl::unexpected(launched.error());
  return true;
}

Status run(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const bool in_background = take_background(text);
  // As the users of other debuggers do: look at it first, then let it run.
  if (debugger.is_fresh() && text.find_first_not_of(' ') == text.npos)
    return debugger.go_on(in_background);
  const auto begun = begin_again(debugger, text, "run");
  if (!begun) return tl::unexpected(begun.error());
  return *begun ? debugger.go_on(in_background) : Status();
}

/// Where the program's own code begins: what the kernel tells its loader (getauxval(3), AT_ENTRY).
Result<Addr> entry_of(pid_t pid) {
  const auto proc = os::ProcDir::open(pid);
  const auto words = proc ? proc->read("auxv") : Result<std::string>(tl::unexpected(proc.error()));
  if (!words) return tl::unexpected(words.error());
  for (size_t at = 0; at + sizeof(Elf64_auxv_t) <= words->size(); at += sizeof(Elf64_auxv_t)) {
    Elf64_auxv_t one{};
    std::memcpy(&one, words->data() + at, sizeof one);
    if (one.a_type == AT_ENTRY) return Addr{one.a_un.a_val};
  }
  return fail(ErrorCode::not_found, "the kernel does not say where the program begins");
}

/// A temporary breakpoint where the program's author begins.
Status break_at_main(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  Breakpoints& breakpoints = (*session)->breakpoints();
  BreakpointRequest request;
  request.temporary = true;
  // Go's own, where there is one: its C main, if any, is the runtime's.
  for (const char* name : {"main.main", "main"}) {
    if (!breakpoints.resolve(name)) continue;
    request.location = name;
    const auto added = breakpoints.add(std::move(request), false);
    return added ? Status() : tl::unexpected(added.error());
  }
  const auto entry = entry_of((*session)->pid());
  if (!entry) return tl::unexpected(entry.error());
  debugger.console().out("no main is known: it is stopped at its entry\n");
  request.location = fmt::format("*{:#x}", entry->value);
  const auto added = breakpoints.add(std::move(request), false);
  return added ? Status() : tl::unexpected(added.error());
}

Status start(Debugger& debugger, const Arguments& arguments) {
  if (!debugger.is_fresh() || !arguments.text.empty()) {
    if (auto begun = begin_again(debugger, arguments.text, "start"); !begun || !*begun)
      return begun ? Status() : tl::unexpected(begun.error());
  }
  if (auto set = break_at_main(debugger); !set) return set;
  return debugger.go_on(false);
}

Status restart(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.text.empty())
    return fail(ErrorCode::bad_request, "restart takes no arguments: `set args` changes them");
  const auto begun = begin_again(debugger, "", "restart");
  return begun ? Status() : tl::unexpected(begun.error());
}

const DebugCommand launch_list[] = {
    {"run",
     {"r"},
     "[ARGS] [&]",
     "start the program, from its beginning, and let it run",
     "The program is what `clew run` was given or what the attached process executes; ARGS take "
     "the "
     "place\nof its arguments, and quotes are read as in a shell. When none is known yet, the "
     "first "
     "word is the\nprogram. A process that is there is killed first: clew asks at a terminal, and "
     "in a script\nkills only what it has started itself. & runs it in the background.",
     run},
    {"start",
     {},
     "[ARGS]",
     "start the program and stop at its main",
     "As `run`, with a temporary breakpoint at main; at the program's entry when no main is known.",
     start},
    {"restart",
     {"starti"},
     "",
     "start the program again, held before its first instruction",
     "With the same arguments, folder and environment, for an attached process those that it was "
     "started\nwith. The present process is killed first, as by `run`. Breakpoints are kept.",
     restart},
};

}  // namespace

std::span<const DebugCommand> launch_commands() { return launch_list; }

int run_run(Context context, const RunOptions& options) {
  Debugger debugger(context, options);
  debugger.set_program(options.program);
  return debugger.run([&]() -> Status {
    if (options.program.arguments.empty()) return {};
    return debugger.launch();
  });
}

}  // namespace clew::cli
