// What is done about the signals that the target gets.

#include <fmt/format.h>

#include <csignal>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "os/signal_names.h"

namespace clew::cli {
namespace {

std::string_view word_of(SignalRule::Stop stop) {
  switch (stop) {
    case SignalRule::Stop::yes:
      return "stop";
    case SignalRule::Stop::when_fatal:
      return "stop when fatal";
    case SignalRule::Stop::no:
      break;
  }
  return "nostop";
}

void print_rule(Debugger& debugger, int signal, const SignalRule& rule) {
  debugger.console().out(fmt::format("{:<12} {:<16} {:<8} {}\n", os::signal_name(signal),
                                     word_of(rule.stop), rule.print ? "print" : "noprint",
                                     rule.pass ? "pass" : "nopass"));
}

/// @return false when the word is no action.
bool change(SignalRule& rule, std::string_view action) {
  if (action == "stop") {
    rule.stop = SignalRule::Stop::yes;
    rule.print = true;
  } else if (action == "nostop") {
    rule.stop = SignalRule::Stop::no;
  } else if (action == "print") {
    rule.print = true;
  } else if (action == "noprint") {
    rule.print = false;
    rule.stop = SignalRule::Stop::no;
  } else if (action == "pass" || action == "noignore") {
    rule.pass = true;
  } else if (action == "nopass" || action == "ignore") {
    rule.pass = false;
  } else {
    return false;
  }
  return true;
}

Status handle(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  SignalRules& rules = (*session)->signals();
  std::vector<int> chosen;
  std::vector<std::string> actions;
  for (const std::string& word : arguments.words) {
    SignalRule unused;
    if (change(unused, word)) {
      actions.push_back(word);
    } else if (word == "all") {
      for (int signal = 1; signal < SignalRules::count; ++signal) chosen.push_back(signal);
    } else if (const auto signal = os::signal_number(word)) {
      chosen.push_back(*signal);
    } else {
      return fail(ErrorCode::bad_request,
                  fmt::format("\"{}\" is neither a signal nor stop, nostop, print, noprint, pass "
                              "or nopass",
                              printable(word)));
    }
  }
  if (chosen.empty() && !actions.empty())
    return fail(ErrorCode::bad_request, "which signal? As in `handle SIGUSR1 stop`");
  if (chosen.empty()) {
    for (int signal = 1; signal < SignalRules::count; ++signal) {
      const SignalRule& rule = rules.of(signal);
      if (rule.stop != SignalRule::Stop::no || rule.print || !rule.pass)
        print_rule(debugger, signal, rule);
    }
    debugger.console().out("all others: nostop, noprint, pass\n");
    return {};
  }
  for (const int signal : chosen) {
    if (signal == SIGKILL || signal == SIGSTOP) {
      // Neither can be seen before it acts, nor withheld (ptrace(2)).
      if (chosen.size() > 1) continue;
      return fail(ErrorCode::bad_request,
                  fmt::format("{} cannot be handled", os::signal_name(signal)));
    }
    SignalRule rule = rules.of(signal);
    for (const std::string& action : actions) (void)change(rule, action);
    rules.set(signal, rule);
    if (chosen.size() <= 8) print_rule(debugger, signal, rule);
  }
  return {};
}

const DebugCommand signal_list[] = {
    {"handle",
     {},
     "[SIGNAL... | all] [stop | nostop] [print | noprint] [pass | nopass]",
     "what is done about signals to the target, or show it",
     "stop holds every thread, and the one that gets the signal before the delivery. nopass keeps "
     "the\nsignal from the target. By default all are passed, and faults that no handler takes "
     "stop.",
     handle},
};

}  // namespace

std::span<const DebugCommand> signal_commands() { return signal_list; }

}  // namespace clew::cli
