#include <fmt/format.h>

#include <fstream>

#include "base/printable.h"
#include "cli/debug/breakpoint_list.h"
#include "cli/debug/breakpoint_options.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/go_stops.h"
#include "cli/debug/settings.h"

namespace clew::cli {
namespace {

/// "[--thread N] … LOCATION [if CONDITION]", over what `request` has.
Result<BreakpointRequest> parse_request(Debugger& debugger, Session& session, std::string text,
                                        BreakpointRequest request = {}) {
  if (auto taken = take_condition(text, request); !taken) return tl::unexpected(taken.error());
  if (auto taken = take_options(debugger, session, text, request); !taken)
    return tl::unexpected(taken.error());
  std::string location;
  while (!text.empty()) {
    const std::string word = take_word(text);
    if (!word.empty()) location += (location.empty() ? "" : " ") + word;
  }
  request.location = location;
  return request;
}

std::string describe(const Breakpoint& breakpoint) {
  const std::string kind =
      breakpoint.request.log.empty()
          ? (breakpoint.request.temporary ? "temporary breakpoint" : "breakpoint")
          : "logpoint";
  if (breakpoint.is_pending()) {
    return fmt::format("{} {} is pending: {}\n", kind, breakpoint.number, breakpoint.pending);
  }
  std::string text = fmt::format("{} {} at {}", kind, breakpoint.number,
                                 breakpoint.locations.front().place.description);
  if (breakpoint.locations.size() > 1)
    text += fmt::format(" and {} more places", breakpoint.locations.size() - 1);
  return text + "\n";
}

Status add_breakpoint(Debugger& debugger, const std::string& text, bool temporary,
                      std::string log) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  auto request = parse_request(debugger, **session, text);
  if (!request) return tl::unexpected(request.error());
  request->location = settled_location(debugger, request->location);
  // Read now: a hit is no time for it.
  (void)debugger.goroutines().runtime();
  request->temporary = temporary;
  request->log = std::move(log);
  return (*session)->while_held([&]() -> Status {
    const auto added = (*session)->breakpoints().add(std::move(*request), true);
    if (!added) return tl::unexpected(added.error());
    debugger.console().out(describe(**added));
    return {};
  });
}

Status set_breakpoint(Debugger& debugger, const Arguments& arguments) {
  return add_breakpoint(debugger, arguments.text, false, "");
}

Status set_temporary(Debugger& debugger, const Arguments& arguments) {
  return add_breakpoint(debugger, arguments.text, true, "");
}

Status set_logpoint(Debugger& debugger, const Arguments& arguments) {
  // The text is what stands in the first quotes; the rest is as for break.
  const size_t open = arguments.text.find('"');
  const size_t close = open == std::string::npos ? open : arguments.text.find('"', open + 1);
  if (close == std::string::npos || close == open + 1) {
    return fail(ErrorCode::bad_request,
                "usage: logpoint LOCATION \"text with {expressions}\" [if CONDITION]");
  }
  return add_breakpoint(debugger, arguments.text.substr(0, open) + arguments.text.substr(close + 1),
                        false, arguments.text.substr(open + 1, close - open - 1));
}

/// Runs `change` for each number of a list, or for all when there is none.
Status for_each_breakpoint(Debugger& debugger, const Arguments& arguments,
                           const std::function<Status(Breakpoints&, unsigned)>& change) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  std::vector<unsigned> numbers;
  for (const std::string& word : arguments.words) {
    const auto number = breakpoint_number(**session, word);
    if (!number) return tl::unexpected(number.error());
    if (auto known = (*session)->breakpoints().find(*number); !known)
      return tl::unexpected(known.error());
    numbers.push_back(*number);
  }
  if (arguments.words.empty()) {
    for (const auto& breakpoint : (*session)->breakpoints().all())
      numbers.push_back(breakpoint->number);
    if (numbers.empty()) return fail(ErrorCode::not_found, "there are no breakpoints");
  }
  return (*session)->while_held([&]() -> Status {
    for (const unsigned number : numbers) {
      if (auto changed = change((*session)->breakpoints(), number); !changed) return changed;
    }
    return {};
  });
}

Status delete_breakpoints(Debugger& debugger, const Arguments& arguments) {
  if (arguments.words.empty() && debugger.is_interactive() &&
      !debugger.confirm("delete all breakpoints?"))
    return {};
  return for_each_breakpoint(debugger, arguments,
                             [](Breakpoints& all, unsigned n) { return all.remove(n); });
}

/// "2.1" is location 1 of breakpoint 2.
Status switch_breakpoints(Debugger& debugger, const Arguments& arguments, bool on) {
  if (arguments.words.size() == 1) {
    const std::string& word = arguments.words[0];
    const size_t dot = word.find('.');
    const auto location =
        dot == word.npos ? std::nullopt : whole_number<size_t>(word.substr(dot + 1));
    if (location) {
      const auto session = debugger.session();
      if (!session) return tl::unexpected(session.error());
      const auto number = breakpoint_number(**session, word.substr(0, dot));
      if (!number) return tl::unexpected(number.error());
      return (*session)->while_held(
          [&] { return (*session)->breakpoints().enable_location(*number, *location, on); });
    }
  }
  return for_each_breakpoint(debugger, arguments,
                             [on](Breakpoints& all, unsigned n) { return all.enable(n, on); });
}

Status enable_breakpoints(Debugger& debugger, const Arguments& arguments) {
  return switch_breakpoints(debugger, arguments, true);
}

Status disable_breakpoints(Debugger& debugger, const Arguments& arguments) {
  return switch_breakpoints(debugger, arguments, false);
}

Status clear_location(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  if (arguments.text.empty())
    return fail(ErrorCode::bad_request, "usage: clear LOCATION, as it was given to break");
  return (*session)->while_held([&]() -> Status {
    Breakpoints& all = (*session)->breakpoints();
    const auto places = all.resolve(arguments.text);
    if (!places) return tl::unexpected(places.error());
    std::vector<unsigned> numbers;
    for (const auto& breakpoint : all.all()) {
      const bool there = std::any_of(
          breakpoint->locations.begin(), breakpoint->locations.end(), [&](const auto& location) {
            return std::any_of(places->begin(), places->end(), [&](const CodePlace& place) {
              return place.address == location.place.address;
            });
          });
      if (there) numbers.push_back(breakpoint->number);
    }
    if (numbers.empty()) {
      return fail(ErrorCode::not_found,
                  fmt::format("there is no breakpoint at {}", printable(arguments.text)));
    }
    for (const unsigned number : numbers) {
      (void)all.remove(number);
      debugger.console().out(fmt::format("deleted breakpoint {}\n", number));
    }
    return {};
  });
}

Status set_condition(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto number = breakpoint_number(**session, take_word(text));
  if (!number) return tl::unexpected(number.error());
  return (*session)->while_held(
      [&] { return (*session)->breakpoints().set_condition(*number, text); });
}

Status ignore_hits(Debugger& debugger, const Arguments& arguments) {
  if (arguments.words.size() != 2)
    return fail(ErrorCode::bad_request, "usage: ignore BREAKPOINT COUNT");
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto number = breakpoint_number(**session, arguments.words[0]);
  if (!number) return tl::unexpected(number.error());
  const auto count = whole_number<uint64_t>(arguments.words[1]);
  if (!count) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no count", printable(arguments.words[1])));
  }
  const auto found = (*session)->breakpoints().find(*number);
  if (!found) return tl::unexpected(found.error());
  (*found)->request.ignore = *count;
  debugger.console().out(
      fmt::format("the next {} hits of breakpoint {} stop nothing\n", *count, *number));
  return {};
}

Status set_commands(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto number = breakpoint_number(**session, take_word(text));
  if (!number) return tl::unexpected(number.error());
  const auto found = (*session)->breakpoints().find(*number);
  if (!found) return tl::unexpected(found.error());
  std::vector<std::string> commands;
  size_t at = 0;
  while (at <= text.size() && !text.empty()) {
    const size_t end = std::min(text.find(';', at), text.size());
    const size_t start = text.find_first_not_of(" \t", at);
    if (start < end) commands.push_back(text.substr(start, end - start));
    at = end + 1;
  }
  (*found)->request.commands = std::move(commands);
  return {};
}

Status modify_breakpoint(Debugger& debugger, const Arguments& arguments) {
  std::string text = arguments.text;
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto number = breakpoint_number(**session, take_word(text));
  if (!number) return tl::unexpected(number.error());
  const auto found = (*session)->breakpoints().find(*number);
  if (!found) return tl::unexpected(found.error());
  const std::string location = (*found)->request.location;
  auto request = parse_request(debugger, **session, text, (*found)->request);
  if (!request) return tl::unexpected(request.error());
  if (!request->location.empty()) {
    return fail(ErrorCode::bad_request,
                "the location of a breakpoint stays: `break` sets one elsewhere");
  }
  request->location = location;
  return (*session)->while_held(
      [&] { return (*session)->breakpoints().modify(*number, std::move(*request)); });
}

Status set_stop_policy(Debugger& debugger, const std::string& value) {
  const auto policy = parse_stop_policy(value);
  if (!policy) return fail(ErrorCode::bad_request, "usage: set stop-policy all|thread|none");
  debugger.stop_policy = *policy;
  if (const auto session = debugger.session())
    (*session)->breakpoints().set_default_policy(*policy);
  return {};
}

std::string show_stop_policy(Debugger& debugger) {
  return std::string(stop_policy_name(debugger.stop_policy)) + "\n";
}

Status set_follow(Debugger& debugger, const std::string& value) {
  Session::Follow& policy = debugger.follow_policy;
  if (value == "any") {
    policy = Session::Follow::any;
  } else if (value == "thread") {
    policy = Session::Follow::thread;
  } else if (value == "goroutine") {
    policy = Session::Follow::goroutine;
  } else {
    return fail(ErrorCode::bad_request, "usage: set follow any|thread|goroutine");
  }
  if (const auto session = debugger.session()) (*session)->set_follow(policy);
  return {};
}

std::string show_follow(Debugger& debugger) {
  switch (debugger.follow_policy) {
    case Session::Follow::thread:
      return "thread\n";
    case Session::Follow::goroutine:
      return "goroutine\n";
    case Session::Follow::any:
      break;
  }
  return "any\n";
}

Status set_stop_on_panic(Debugger& debugger, const std::string& value) {
  if (value != "on" && value != "off")
    return fail(ErrorCode::bad_request, "usage: set stop-on-panic on|off");
  debugger.stops_on_panic = value == "on";
  const auto session = debugger.session();
  if (!session) return {};
  return (*session)->while_held([&]() -> Status {
    if (debugger.stops_on_panic) {
      arm_go_stops(debugger);
    } else {
      disarm_go_stops(debugger);
    }
    return {};
  });
}

std::string show_stop_on_panic(Debugger& debugger) {
  return debugger.stops_on_panic ? "on\n" : "off\n";
}

Status set_safety_net(Debugger& debugger, const std::string& value) {
  if (value != "on" && value != "off")
    return fail(ErrorCode::bad_request, "usage: set safety-net on|off");
  if (const auto session = debugger.session()) {
    if (!(*session)->breakpoints().all().empty()) {
      return fail(ErrorCode::bad_request,
                  "the safety net is chosen before the first breakpoint: delete them first");
    }
    (*session)->inferior().run_control()->set_safety_net(value == "on");
  }
  debugger.safety_net = value == "on";
  return {};
}

std::string show_safety_net(Debugger& debugger) { return debugger.safety_net ? "on\n" : "off\n"; }

Status set_follow_fork(Debugger& debugger, const std::string& value) {
  if (value == "parent") {
    debugger.follow_fork = FollowFork::parent;
  } else if (value == "child") {
    debugger.follow_fork = FollowFork::child;
  } else if (value == "both") {
    debugger.follow_fork = FollowFork::both;
  } else {
    return fail(ErrorCode::bad_request, "usage: set follow-fork parent|child|both");
  }
  debugger.apply_follow_fork();
  return {};
}

std::string show_follow_fork(Debugger& debugger) {
  switch (debugger.follow_fork) {
    case FollowFork::parent:
      break;
    case FollowFork::child:
      return "child\n";
    case FollowFork::both:
      return "both\n";
  }
  return "parent\n";
}

Status set_detach_on_fork(Debugger& debugger, const std::string& value) {
  if (value != "on" && value != "off")
    return fail(ErrorCode::bad_request, "usage: set detach-on-fork on|off");
  debugger.detaches_on_fork = value == "on";
  debugger.apply_follow_fork();
  return {};
}

std::string show_detach_on_fork(Debugger& debugger) {
  return debugger.detaches_on_fork ? "on\n" : "off\n";
}

const Setting settings_of_stops[] = {
    {"follow-fork", "parent|child|both",
     "which process is debugged when it has made another; with both, each runs on under clew",
     set_follow_fork, nullptr, show_follow_fork},
    {"detach-on-fork", "on|off",
     "whether the process that follow-fork does not name is let go, or held for `process N`",
     set_detach_on_fork, nullptr, show_detach_on_fork},
    {"safety-net", "on|off",
     "a page in the target by which it survives when clew is killed among its breakpoints",
     set_safety_net, nullptr, show_safety_net},
    {"stop-policy", "all|thread|none", "what a hit stops, where the breakpoint says nothing else",
     set_stop_policy, nullptr, show_stop_policy},
    {"stop-on-panic", "on|off",
     "whether a Go program stops at a panic that nobody recovers, and at fatal errors",
     set_stop_on_panic, nullptr, show_stop_on_panic},
    {"follow", "any|thread|goroutine",
     "whose hits stop: any thread's, or only those of the selected thread or goroutine (others are "
     "counted)",
     set_follow, nullptr, show_follow},
};

Status source_file(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: source FILE");
  std::ifstream file(arguments.text);
  if (!file) return fail_os(errno, fmt::format("cannot read {}", printable(arguments.text)));
  // A file may name itself.
  constexpr unsigned most_nested = 16;
  static unsigned nested = 0;
  if (nested >= most_nested)
    return fail(ErrorCode::bad_request, fmt::format("{} files are read within each other", nested));
  ++nested;
  size_t failures = 0;
  for (std::string line; std::getline(file, line);) failures += debugger.execute(line) ? 0 : 1;
  --nested;
  if (failures > 0)
    return fail(ErrorCode::unavailable, fmt::format("{} commands of the file failed", failures));
  return {};
}

const DebugCommand breakpoint_list[] = {
    {"break",
     {"b", "br", "brea"},
     "[LOCATION] [--thread N|current] [--thread-name REGEX] [--goroutine N|current] "
     "[--after BREAKPOINT] [--stop all|thread|none] [if CONDITION]",
     "stop where a thread comes to LOCATION",
     "LOCATION is a function, FILE:LINE, +N, *ADDRESS or -r REGEX (every function whose name "
     "matches);\nwithout one, where the selected thread stands.\n"
     "--stop says what is held: all threads, only the thread that hit, or none (hits are counted).",
     set_breakpoint},
    {"tbreak", {"tb"}, "LOCATION …", "the same for one stop only", "", set_temporary},
    {"logpoint",
     {"dprintf"},
     "LOCATION \"text {expression}\" [if CONDITION]",
     "print a line whenever a thread comes to LOCATION; nothing is stopped",
     "",
     set_logpoint},
    {"delete",
     {"d"},
     "[BREAKPOINT…]",
     "delete breakpoints, or all of them",
     "",
     delete_breakpoints},
    {"clear", {"cl"}, "LOCATION", "delete the breakpoints at LOCATION", "", clear_location},
    {"enable",
     {"en"},
     "[BREAKPOINT[.LOCATION]…]",
     "let breakpoints hit again",
     "",
     enable_breakpoints},
    {"disable",
     {"dis"},
     "[BREAKPOINT[.LOCATION]…]",
     "keep breakpoints, but do not let them hit",
     "",
     disable_breakpoints},
    {"condition",
     {"cond"},
     "BREAKPOINT [EXPRESSION]",
     "hit only when EXPRESSION is not zero; without one, always",
     "",
     set_condition},
    {"ignore", {}, "BREAKPOINT COUNT", "let the next COUNT hits pass", "", ignore_hits},
    {"modify",
     {},
     "BREAKPOINT [--thread N|current|any] [--thread-name REGEX|any] [--goroutine N|current|any] "
     "[--after BREAKPOINT] [--stop all|thread|none] [if CONDITION]",
     "change who hits a breakpoint and what that stops",
     "",
     modify_breakpoint},
    {"commands",
     {"on"},
     "BREAKPOINT [COMMAND; …]",
     "what is run when the breakpoint has stopped something",
     "BREAKPOINT is a number, or `last` for the one that was set last. Without a COMMAND nothing "
     "is "
     "run any more.",
     set_commands},
    {"save",
     {},
     "FILE",
     "write the breakpoints to a file that `source` reads",
     "",
     save_breakpoints},
    {"source", {}, "FILE", "run the commands in a file", "", source_file},
};

}  // namespace

std::span<const DebugCommand> breakpoint_commands() { return breakpoint_list; }
std::span<const Setting> stop_settings() { return settings_of_stops; }

}  // namespace clew::cli
