#include <fmt/format.h>

#include "base/printable.h"
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

Status run(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const bool in_background = take_background(text);
  // As the users of other debuggers do: look at it first, then let it run.
  const bool is_new = text.find_first_not_of(' ') != text.npos;
  if (debugger.is_fresh() && !is_new) return debugger.go_on(in_background);
  if (const auto program = debugger.program(); !program && !is_new)
    return tl::unexpected(program.error());
  if (const auto words = os::split_shell_words(text); !words) return tl::unexpected(words.error());
  const auto ended = end_present_process(debugger, "run");
  if (!ended) return tl::unexpected(ended.error());
  if (!*ended) return {};
  if (auto set = set_words(debugger, text); !set) return set;
  if (auto launched = debugger.launch(); !launched) return launched;
  return debugger.go_on(in_background);
}

Status restart(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.text.empty())
    return fail(ErrorCode::bad_request, "restart takes no arguments: `set args` changes them");
  if (const auto program = debugger.program(); !program) return tl::unexpected(program.error());
  const auto ended = end_present_process(debugger, "restart");
  if (!ended) return tl::unexpected(ended.error());
  if (!*ended) return {};
  return debugger.launch();
}

const DebugCommand commands[] = {
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
    {"restart",
     {"starti"},
     "",
     "start the program again, held before its first instruction",
     "With the same arguments, folder and environment, for an attached process those that it was "
     "started\nwith. The present process is killed first, as by `run`.",
     restart},
};

}  // namespace

std::span<const DebugCommand> launch_commands() { return commands; }

int run_run(Context context, const RunOptions& options) {
  Debugger debugger(context, options);
  debugger.set_program(options.program);
  return debugger.run([&]() -> Status {
    if (options.program.arguments.empty()) return {};
    return debugger.launch();
  });
}

}  // namespace clew::cli
