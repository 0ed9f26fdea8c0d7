// Watchpoints and catchpoints: stops that are about no place in the code.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/printable.h"
#include "cli/debug/breakpoint_options.h"
#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "os/signal_names.h"
#include "os/syscall_table.h"

namespace clew::cli {
namespace {

Status add(Debugger& debugger, BreakpointRequest request) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  return (*session)->while_held([&]() -> Status {
    // The runtime of exceptions may yet come with a library.
    const bool may_be_pending = request.exception.has_value();
    const auto added = (*session)->breakpoints().add(std::move(request), may_be_pending);
    if (!added) return tl::unexpected(added.error());
    const Breakpoint& breakpoint = **added;
    std::string text = fmt::format("{} {}{} {}", breakpoint.request.kind(), breakpoint.number,
                                   breakpoint.is_pending() ? " is pending:" : ":",
                                   printable(breakpoint.request.subject()));
    if (breakpoint.request.watch)
      text += fmt::format(" = {}", breakpoint.watched.show(breakpoint.value));
    debugger.console().out(text + "\n");
    return {};
  });
}

/// Cuts off what any breakpoint may have: options and a condition.
Result<BreakpointRequest> take_rules(Debugger& debugger, std::string& text) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  BreakpointRequest request;
  if (auto taken = take_condition(text, request); !taken) return tl::unexpected(taken.error());
  if (auto taken = take_options(debugger, **session, text, request); !taken)
    return tl::unexpected(taken.error());
  return request;
}

Status watch(Debugger& debugger, std::string text, WatchRequest::Kind kind) {
  auto taken = take_rules(debugger, text);
  if (!taken) return tl::unexpected(taken.error());
  BreakpointRequest request = std::move(*taken);
  if (text.empty()) {
    return fail(ErrorCode::bad_request,
                "watch what? An expression that lies in memory, as in `watch *0x404028`");
  }
  request.location = text;
  request.watch = WatchRequest{std::move(text), kind};
  return add(debugger, std::move(request));
}

Status watch_writes(Debugger& debugger, const Arguments& arguments) {
  return watch(debugger, arguments.text, WatchRequest::Kind::write);
}

Status watch_reads(Debugger& debugger, const Arguments& arguments) {
  return watch(debugger, arguments.text, WatchRequest::Kind::read);
}

Status watch_accesses(Debugger& debugger, const Arguments& arguments) {
  return watch(debugger, arguments.text, WatchRequest::Kind::access);
}

// --- Catchpoints

using Kinds = std::initializer_list<os::ArgKind>;

bool takes(const os::SyscallInfo& call, Kinds kinds) {
  return std::any_of(call.args.begin(), call.args.end(), [&](os::ArgKind kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  });
}

bool has_part(std::string_view name, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return name.find(part) != name.npos; });
}

/// What a system call is about, by what it takes and what it is called.
bool is_in_group(const os::SyscallInfo& call, std::string_view group) {
  using Kind = os::ArgKind;
  if (group == "file") return takes(call, {Kind::path});
  if (group == "descriptor" || group == "desc") return takes(call, {Kind::fd, Kind::dirfd});
  if (group == "network") {
    return takes(call, {Kind::sockaddr_in, Kind::socket_domain, Kind::shutdown_how}) ||
           has_part(call.name, {"sock", "send", "recv", "accept", "listen"});
  }
  if (group == "signal")
    return takes(call, {Kind::signal, Kind::sigset_in}) || has_part(call.name, {"sig"});
  if (group == "process") {
    return has_part(call.name, {"fork", "clone", "exec", "exit", "wait", "kill"});
  }
  if (group == "memory") {
    return has_part(call.name, {"mmap", "munmap", "mprotect", "mremap", "madvise", "mlock", "brk"});
  }
  return false;
}

constexpr std::string_view groups[] = {"file",   "descriptor", "desc",  "network",
                                       "signal", "process",    "memory"};

Status take_calls(const std::string& word, CatchRequest& request) {
  constexpr std::string_view mark = "group:";
  if (word.starts_with(mark)) {
    const std::string_view group = std::string_view(word).substr(mark.size());
    if (std::find(std::begin(groups), std::end(groups), group) == std::end(groups)) {
      return fail(ErrorCode::bad_request,
                  fmt::format("there is no group \"{}\": file, descriptor, network, signal, "
                              "process, memory",
                              printable(group)));
    }
    for (const os::SyscallInfo& call : os::all_syscalls()) {
      if (is_in_group(call, group)) request.calls.insert(call.number);
    }
    return {};
  }
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) {
    request.calls.insert(number);
    return {};
  }
  const auto named = os::syscall_number(word);
  if (!named) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no system call of x86-64", printable(word)));
  }
  request.calls.insert(*named);
  return {};
}

Result<CatchRequest> catch_calls(const std::vector<std::string>& words) {
  CatchRequest request;
  request.acts = act_bit(ActKind::call) | act_bit(ActKind::call_return);
  for (size_t i = 1; i < words.size(); ++i) {
    if (auto taken = take_calls(words[i], request); !taken) return tl::unexpected(taken.error());
  }
  return request;
}

Result<CatchRequest> catch_signals(const std::vector<std::string>& words) {
  CatchRequest request;
  request.acts = act_bit(ActKind::signal);
  for (size_t i = 1; i < words.size(); ++i) {
    const auto signal = os::signal_number(words[i]);
    if (!signal) {
      return fail(ErrorCode::bad_request, fmt::format("\"{}\" is no signal", printable(words[i])));
    }
    request.signals.insert(*signal);
  }
  return request;
}

Result<CatchRequest> catch_exit() {
  CatchRequest request;
  request.acts = act_bit(ActKind::call);
  for (const char* name : {"exit", "exit_group"}) request.calls.insert(*os::syscall_number(name));
  return request;
}

Result<CatchRequest> catch_libraries(const std::vector<std::string>& words, bool loads) {
  CatchRequest request;
  request.loads = loads;
  request.unloads = !loads;
  if (words.size() > 1) request.library = words[1];
  return request;
}

CatchRequest catch_act(ActKind kind) {
  CatchRequest request;
  request.acts = act_bit(kind);
  return request;
}

/// "TYPE", as in `catch throw std::bad_alloc`: the rest of the line, which may have blanks.
Result<ExceptionRequest> catch_exception(ExceptionEvent event, std::string_view type) {
  if (event == ExceptionEvent::panic && !type.empty())
    return fail(ErrorCode::bad_request, "catch panic takes no arguments: a panic has no type");
  return ExceptionRequest{event, std::string(type)};
}

Result<CatchRequest> parse_catch(const std::vector<std::string>& words) {
  const std::string& event = words[0];
  if (event == "syscall") return catch_calls(words);
  if (event == "signal") return catch_signals(words);
  if (event == "load" || event == "unload") return catch_libraries(words, event == "load");
  if (words.size() > 1)
    return fail(ErrorCode::bad_request,
                fmt::format("catch {} takes no arguments", printable(event)));
  if (event == "exit") return catch_exit();
  if (event == "fork") return catch_act(ActKind::fork);
  if (event == "vfork") return catch_act(ActKind::vfork);
  if (event == "clone") return catch_act(ActKind::clone);
  if (event == "exec") return catch_act(ActKind::exec);
  return fail(
      ErrorCode::bad_request,
      fmt::format("\"{}\" cannot be caught: syscall, signal, fork, vfork, clone, exec, exit, "
                  "load, unload, throw, rethrow, catch, panic",
                  printable(event)));
}

Status set_catchpoint(Debugger& debugger, const Arguments& arguments, bool temporary) {
  std::string text = arguments.text;
  auto rules = take_rules(debugger, text);
  if (!rules) return tl::unexpected(rules.error());
  BreakpointRequest request = std::move(*rules);
  request.temporary = temporary;
  std::vector<std::string> words;
  for (size_t at = text.find_first_not_of(" \t"); at != text.npos;) {
    const size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(" \t", end);
  }
  if (words.empty()) {
    return fail(
        ErrorCode::bad_request,
        "catch what? syscall [NAME…], signal [NAME…], fork, vfork, clone, exec, exit, load, "
        "unload, throw, rethrow, catch, panic");
  }
  if (const auto event = parse_exception_event(words[0])) {
    auto exception = catch_exception(*event, trimmed(trimmed(text).substr(words[0].size())));
    if (!exception) return tl::unexpected(exception.error());
    request.location = exception_function(*event);
    request.exception = std::move(*exception);
    return add(debugger, std::move(request));
  }
  auto caught = parse_catch(words);
  if (!caught) return tl::unexpected(caught.error());
  request.location = text;
  request.caught = std::move(*caught);
  return add(debugger, std::move(request));
}

Status catch_event(Debugger& debugger, const Arguments& arguments) {
  return set_catchpoint(debugger, arguments, false);
}

Status catch_once(Debugger& debugger, const Arguments& arguments) {
  return set_catchpoint(debugger, arguments, true);
}

const DebugCommand catch_list[] = {
    {"watch",
     {"wa"},
     "[OPTIONS] EXPRESSION [if CONDITION]",
     "stop when a thread changes what lies in memory, and show the old and the new value",
     "The processor watches up to four places in every thread, those born later too. `watch -s "
     "SIZE "
     "*ADDRESS`\nwatches bytes.",
     watch_writes},
    {"rwatch",
     {},
     "EXPRESSION",
     "the same for reads",
     "The processor watches for reads and writes together: a write that changes nothing counts as "
     "a "
     "read.",
     watch_reads},
    {"awatch", {}, "EXPRESSION", "the same for reads and writes", "", watch_accesses},
    {"catch",
     {},
     "syscall [NAME | NUMBER | group:GROUP]… | signal [NAME]… | fork | vfork | clone | exec | exit "
     "| "
     "load [REGEX] | unload [REGEX] | throw [REGEX] | rethrow [REGEX] | catch [REGEX] | panic",
     "stop when a thread does something",
     "System calls stop before they are made and when they return; while they are caught, each one "
     "of the target's\ntakes two stops. exit stops before a thread or the process exits. For "
     "exceptions of C++ REGEX is\nabout their type; panic is Rust's. Options and `if` as for "
     "`break`.",
     catch_event},
    {"tcatch", {}, "…", "the same for one stop only", "", catch_once},
};

}  // namespace

std::span<const DebugCommand> catch_commands() { return catch_list; }

}  // namespace clew::cli
