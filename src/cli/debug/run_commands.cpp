#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "os/signal_names.h"

namespace clew::cli {
namespace {

Status no_arguments(const Arguments& arguments, std::string_view name) {
  if (arguments.text.empty()) return {};
  return fail(ErrorCode::bad_request, fmt::format("{} takes no arguments", name));
}

Status continue_process(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty() || arguments.text == "&")
    return debugger.go_on(!arguments.text.empty());
  uint64_t count = 0;
  const char* const end = arguments.text.data() + arguments.text.size();
  const auto [at, error] = std::from_chars(arguments.text.data(), end, count);
  if (error != std::errc() || at != end || count == 0)
    return fail(ErrorCode::bad_request, "continue takes a count, or & for the background");
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  const unsigned number = debugger.last_breakpoint();
  const auto breakpoint = (*session)->breakpoints().find(number);
  if (number == 0 || !breakpoint) {
    return fail(ErrorCode::bad_request,
                "no breakpoint has stopped the process, so that there is none to be passed");
  }
  (*breakpoint)->request.ignore = count - 1;
  return debugger.go_on(false);
}

Status signal_process(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto signal = os::signal_number(arguments.text);
  if (!signal) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no signal: give its name or number, as in `signal SIGINT`",
                            printable(arguments.text)));
  }
  if (auto sent = (*session)->send_signal(*signal); !sent) return sent;
  return (*session)->is_holding() ? debugger.go_on(false) : Status();
}

Status interrupt_process(Debugger& debugger, const Arguments& arguments) {
  if (auto ok = no_arguments(arguments, "interrupt"); !ok) return ok;
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if ((*session)->is_holding()) return fail(ErrorCode::bad_request, "the process is held already");
  debugger.stop();
  return {};
}

Status wait_for_process(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if ((*session)->is_holding()) {
    // What was to be waited for may have come already.
    if (debugger.has_stopped_itself()) return {};
    return fail(ErrorCode::bad_request, "the process is held: `continue` lets it run");
  }
  Deadline until;
  if (!arguments.text.empty()) {
    const auto duration = parse_duration(arguments.text);
    if (!duration) return tl::unexpected(duration.error());
    until = Deadline::after(*duration);
  }
  debugger.wait_for_stop(until);
  return {};
}

Status step_instruction(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  uint64_t count = 1;
  if (!arguments.text.empty()) {
    const char* const end = arguments.text.data() + arguments.text.size();
    const auto [at, error] = std::from_chars(arguments.text.data(), end, count);
    if (error != std::errc() || at != end || count == 0) {
      return fail(ErrorCode::bad_request,
                  fmt::format("\"{}\" is no number of steps", printable(arguments.text)));
    }
  }
  uint64_t done = 0;
  // A thread in a blocking system call makes its next step only when that ends. At a terminal
  // Ctrl-C gives up; a script must not wait for ever.
  const Deadline patience =
      debugger.is_interactive() ? Deadline::never() : Deadline::after(std::chrono::seconds(5));
  Status stepped = (*session)->step(count, patience, done);
  if ((*session)->is_alive() && (done > 0 || stepped))
    debugger.console().out(debugger.describe_selection());
  if (!stepped && count > 1) {
    return fail(stepped.error().code,
                fmt::format("{} (after {} of {} steps)", stepped.error().text, done, count));
  }
  return stepped;
}

Status detach_process(Debugger& debugger, const Arguments& arguments) {
  if (auto ok = no_arguments(arguments, "detach"); !ok) return ok;
  if (auto session = debugger.session(); !session) return tl::unexpected(session.error());
  debugger.detach();
  return {};
}

Status attach_process(Debugger& debugger, const Arguments& arguments) {
  TargetChoice choice;
  choice.pid = arguments.text;
  return debugger.attach(choice);
}

Status kill_process(Debugger& debugger, const Arguments& arguments) {
  if (auto ok = no_arguments(arguments, "kill"); !ok) return ok;
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if (debugger.is_interactive() &&
      !debugger.confirm(fmt::format("kill process {}?", (*session)->pid()))) {
    debugger.console().out("not killed\n");
    return {};
  }
  return debugger.kill();
}

Status quit(Debugger& debugger, const Arguments& arguments) {
  if (auto ok = no_arguments(arguments, "quit"); !ok) return ok;
  if (debugger.may_leave()) debugger.request_quit();
  return {};
}

const DebugCommand run_list[] = {
    {"continue",
     {"c", "cont", "fg"},
     "[N | &]",
     "let every thread run; with N until the breakpoint that has stopped it hits for the Nth time",
     "An attached process runs while the prompt stays. A program that clew has started has the "
     "terminal\nwhile it runs, and the prompt is back when it stops (Ctrl-C) or ends; with & it "
     "runs in the\nbackground, without the terminal.",
     continue_process},
    {"signal",
     {},
     "SIGNAL",
     "send a signal to the process and let it run",
     "Ctrl-C stops a program that has the terminal and is not delivered: `signal SIGINT` does "
     "that.",
     signal_process},
    {"interrupt",
     {"int", "halt", "pause"},
     "",
     "hold every thread (Ctrl-C does the same)",
     "",
     interrupt_process},
    {"wait",
     {},
     "[DURATION]",
     "wait until the process is held or ends, at most that long",
     "For scripts: `continue`, `wait 2s`, `interrupt`. Where breakpoints are set, a script's "
     "commands that\nneed the process held wait by themselves; those that do not (`info "
     "breakpoints`, `delete`) are run at once:\n`wait` comes before them.",
     wait_for_process},
    {"stepi",
     {"si", "step-instruction"},
     "[N]",
     "N instructions of the selected thread, the others held",
     "",
     step_instruction,
     true},
    {"detach", {}, "", "let the process go, as it was found; the prompt stays", "", detach_process},
    {"attach", {"at"}, "PID", "attach to a process, when none is attached", "", attach_process},
    {"kill", {"k"}, "", "kill the process (asks first, at a terminal)", "", kill_process},
    {"quit",
     {"q", "exit"},
     "",
     "detach and end; an attached process is never killed by this",
     "A program that clew has started is killed; at a terminal it asks first.",
     quit},
};

}  // namespace

std::span<const DebugCommand> run_commands() { return run_list; }

}  // namespace clew::cli
