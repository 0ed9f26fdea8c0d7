// What is shown of breakpoints, and kept in files.

#include "cli/debug/breakpoint_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/info_topics.h"
#include "view/table.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

std::string option_words(const BreakpointRequest& request) {
  std::string words;
  if (request.thread) words += fmt::format(" --thread {}", *request.thread);
  if (!request.thread_name.empty())
    words += fmt::format(" --thread-name \"{}\"", request.thread_name);
  if (request.goroutine) words += fmt::format(" --goroutine {}", *request.goroutine);
  if (request.after != 0) words += fmt::format(" --after {}", request.after);
  if (request.stop) words += fmt::format(" --stop {}", stop_policy_name(*request.stop));
  return words;
}

/// The command that sets such a breakpoint.
std::string command_of(const BreakpointRequest& request) {
  if (request.watch) {
    return request.watch->kind == WatchRequest::Kind::write  ? "watch"
           : request.watch->kind == WatchRequest::Kind::read ? "rwatch"
                                                             : "awatch";
  }
  if (request.caught || request.exception) return request.temporary ? "tcatch" : "catch";
  if (!request.log.empty()) return "logpoint";
  return request.temporary ? "tbreak" : "break";
}

/// The commands that set such a breakpoint again, as the last of all. `position` is its place among
/// those that are saved.
std::string commands_for(const Breakpoints& breakpoints, size_t position) {
  const auto& all = breakpoints.all();
  const Breakpoint& breakpoint = *all[position];
  BreakpointRequest request = breakpoint.request;
  std::string text = command_of(request) + " " + request.subject();
  if (!request.log.empty()) text += " \"" + request.log + "\"";
  // Numbers are others where it is set again.
  if (const unsigned after = std::exchange(request.after, 0); after != 0) {
    for (size_t other = 0; other < position; ++other) {
      if (all[other]->number == after)
        text += fmt::format(" --after last{}",
                            position - other == 1 ? "" : fmt::format("-{}", position - other - 1));
    }
  }
  text += option_words(request);
  if (!request.condition.empty()) text += " if " + request.condition;
  text += "\n";
  if (request.ignore > 0) text += fmt::format("ignore last {}\n", request.ignore);
  if (!request.commands.empty()) {
    text += "commands last ";
    for (const std::string& command : request.commands) text += command + "; ";
    text.replace(text.size() - 2, 2, "\n");
  }
  if (!breakpoint.enabled) text += "disable last\n";
  return text;
}

/// Which goroutines have hit how often: the most frequent ones, and what the others make together.
void add_goroutines(Table& table, const Breakpoint& breakpoint) {
  constexpr size_t most_lines = 20;
  std::vector<std::pair<uint64_t, uint64_t>> counts(breakpoint.hits_by_goroutine.begin(),
                                                    breakpoint.hits_by_goroutine.end());
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  uint64_t more = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const auto& [goroutine, hits] = counts[i];
    if (i >= most_lines || goroutine == UINT64_MAX) {
      more += hits;
    } else {
      table.add({"", "", "", std::to_string(hits), "", fmt::format("by goroutine {}", goroutine)});
    }
  }
  if (more > 0) {
    table.add({"", "", "", std::to_string(more), "",
               counts.size() > most_lines
                   ? fmt::format("by {} more goroutines", counts.size() - most_lines)
                   : "by more goroutines"});
  }
}

void add_rows(Table& table, const Breakpoint& breakpoint, size_t most_threads) {
  const BreakpointRequest& request = breakpoint.request;
  const std::string kind = request.watch                         ? "watch"
                           : request.caught || request.exception ? "catch"
                           : !request.log.empty()                ? "log"
                           : request.temporary                   ? "temporary"
                                                                 : "break";
  const bool one = breakpoint.locations.size() == 1;
  table.add({std::to_string(breakpoint.number), kind, breakpoint.enabled ? "yes" : "no",
             std::to_string(breakpoint.hits),
             one ? hex_address(breakpoint.locations[0].place.address.value) : "",
             breakpoint.is_pending()     ? "pending: " + printable(request.subject())
             : one && !request.exception ? breakpoint.locations[0].place.description
                                         : printable(request.subject())});
  for (size_t i = 0; !one && i < breakpoint.locations.size(); ++i) {
    const BreakpointLocation& location = breakpoint.locations[i];
    table.add({fmt::format("{}.{}", breakpoint.number, i + 1), "", location.enabled ? "yes" : "no",
               std::to_string(location.hits), hex_address(location.place.address.value),
               location.place.description});
  }
  const auto add_note = [&](const std::string& hits, const std::string& text) {
    table.add({"", "", "", hits, "", text});
  };
  if (const std::string options = option_words(request); !options.empty())
    add_note("", printable(options.substr(1)));
  if (!request.condition.empty()) add_note("", "if " + printable(request.condition));
  if (request.ignore > 0)
    add_note("", fmt::format("the next {} hits stop nothing", request.ignore));
  for (const std::string& command : request.commands) add_note("", "then " + printable(command));
  // Those that hit most: threads come and go by the thousand.
  std::vector<std::pair<uint32_t, uint64_t>> threads(breakpoint.hits_by_thread.begin(),
                                                     breakpoint.hits_by_thread.end());
  std::stable_sort(threads.begin(), threads.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  uint64_t others = 0;
  for (size_t i = 0; i < threads.size(); ++i) {
    if (i < most_threads) {
      add_note(std::to_string(threads[i].second), fmt::format("by thread {}", threads[i].first));
    } else {
      others += threads[i].second;
    }
  }
  if (threads.size() > most_threads) {
    add_note(std::to_string(others),
             fmt::format("by {} other threads: `info breakpoints {}` lists them",
                         threads.size() - most_threads, breakpoint.number));
  }
  add_goroutines(table, breakpoint);
}

}  // namespace

Result<unsigned> breakpoint_number(Session& session, std::string_view text) {
  constexpr std::string_view last = "last";
  auto number = whole_number<unsigned>(text);
  if (text.starts_with(last)) {
    const auto& all = session.breakpoints().all();
    const bool has_distance = text.size() > last.size();
    const auto distance = has_distance && text[last.size()] == '-'
                              ? whole_number<size_t>(text.substr(last.size() + 1))
                              : std::nullopt;
    const size_t before = distance.value_or(0);
    if (has_distance == distance.has_value() && before < all.size())
      number = all[all.size() - 1 - before]->number;
  }
  if (!number || *number == 0) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no number of a breakpoint: see `info breakpoints`",
                            printable(text)));
  }
  return *number;
}

Status save_breakpoints(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  std::string path = arguments.text;
  if (path.starts_with("breakpoints ")) path = path.substr(path.find_first_not_of(' ', 11));
  if (path.empty()) return fail(ErrorCode::bad_request, "usage: save FILE");
  const Breakpoints& breakpoints = (*session)->breakpoints();
  std::string text;
  for (size_t i = 0; i < breakpoints.all().size(); ++i) text += commands_for(breakpoints, i);
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail_os(errno, fmt::format("cannot write {}", printable(path)));
  const size_t count = breakpoints.all().size();
  debugger.console().out(fmt::format("saved {} breakpoint{}\n", count, count == 1 ? "" : "s"));
  return {};
}

namespace {

/// `is_detailed`: every thread that has hit, however many.
void show(Debugger& debugger, const std::vector<const Breakpoint*>& chosen, bool is_detailed) {
  constexpr size_t threads_of_each = 10;
  const Style& style = debugger.console().style();
  Table table(
      {{"#", Table::Align::right, {}},
       {"KIND", Table::Align::left, {}},
       {"ON", Table::Align::left, {}},
       {"HITS", Table::Align::right, {}},
       {"ADDRESS", Table::Align::left, [&](std::string_view t) { return style.address(t); }},
       {"WHERE", Table::Align::left, {}}});
  for (const Breakpoint* breakpoint : chosen)
    add_rows(table, *breakpoint, is_detailed ? breakpoint->hits_by_thread.size() : threads_of_each);
  debugger.console().out_paged(table.render(0, [&](std::string_view t) { return style.faint(t); }));
}

}  // namespace

Status show_breakpoints(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  std::vector<const Breakpoint*> chosen;
  for (const std::string& word : arguments.words) {
    const auto number = breakpoint_number(**session, word);
    if (!number) return tl::unexpected(number.error());
    const auto found = (*session)->breakpoints().find(*number);
    if (!found) return tl::unexpected(found.error());
    chosen.push_back(*found);
  }
  const bool is_chosen = !chosen.empty();
  if (!is_chosen) {
    for (const auto& breakpoint : (*session)->breakpoints().all())
      chosen.push_back(breakpoint.get());
  }
  if (chosen.empty()) {
    debugger.console().out("no breakpoints\n");
    return {};
  }
  show(debugger, chosen, is_chosen);
  return {};
}

Status show_watchpoints(Debugger& debugger, const Arguments&) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  std::vector<const Breakpoint*> chosen;
  for (const auto& breakpoint : (*session)->breakpoints().all()) {
    if (breakpoint->request.watch) chosen.push_back(breakpoint.get());
  }
  if (chosen.empty()) {
    debugger.console().out("no watchpoints\n");
  } else {
    show(debugger, chosen, false);
  }
  return {};
}

}  // namespace clew::cli
