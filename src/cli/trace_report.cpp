#include "cli/trace_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "view/table.h"

namespace clew::cli {
namespace {

using nlohmann::ordered_json;

/// Deeper calls are not shown further to the right.
constexpr size_t most_indent = 20;

struct Sums {
  uint64_t returns = 0, left = 0;
  size_t called = 0;  ///< functions that were
};

Sums sums_of(const std::deque<TracedFunction>& functions) {
  Sums sums;
  for (const TracedFunction& function : functions) {
    sums.returns += function.returns;
    sums.left += function.left;
    if (function.calls > 0) ++sums.called;
  }
  return sums;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration average(const TracedFunction& function) {
  return function.returns == 0 ? Duration{}
                               : function.total / static_cast<int64_t>(function.returns);
}

/// How it was left, for people.
std::string end_text(const TraceEnd& end) {
  std::string text;
  if (end.from_nowhere > 0) {
    text += fmt::format(
        "{} of the calls came from code of no file: their returns were not "
        "followed\n",
        end.from_nowhere);
  }
  if (!end.ended.empty()) text += end.ended + "\n";
  if (!end.is_alive) return text;
  return text + fmt::format("let go of process {}{}; stopped for {} at the longest\n",
                            end.target.pid, end.verified ? " (verified)" : "",
                            format_duration(end.pause));
}

void put_end(ordered_json& document, const TraceEnd& end, const Sums& sums) {
  document["calls"] = end.calls;
  document["returns"] = sums.returns;
  document["left"] = sums.left;
  document["not_followed"] = end.from_nowhere;
  document["duration_ms"] = to_milliseconds(end.took);
  document["pause_ms"] = to_milliseconds(end.pause);
  document["resumed"] = end.is_alive && end.verified;
  document["ended"] = end.ended;
}

}  // namespace

void TraceLines::begin(const Target& target, size_t functions) {
  if (!json_) return;
  ordered_json line;
  line["event"] = "begin";
  line["pid"] = target.pid;
  if (target.via_tid != 0) line["requested_tid"] = target.via_tid;
  line["name"] = target.name;
  line["executable"] = target.executable;
  line["functions"] = functions;
  text_ += line.dump() + "\n";
}

bool TraceLines::may_show() {
  const TimePoint now = Clock::now();
  if (now - second_ >= interval()) {
    second_ = now;
    shown_ = 0;
  }
  if (rate_ == 0 || shown_ < rate_) {
    ++shown_;
    return true;
  }
  ++hidden_;
  ++all_hidden_;
  return false;
}

void TraceLines::tell_of_hidden() {
  if (hidden_ == 0 || Clock::now() - second_ < interval()) return;
  const uint64_t hidden = std::exchange(hidden_, 0);
  if (json_) {
    text_ += ordered_json{{"event", "not_shown"}, {"calls", hidden}}.dump() + "\n";
  } else {
    text_ += fmt::format("… {} calls are not shown (--rate {})\n", hidden, rate_);
  }
}

void TraceLines::add(const TraceLine& line) {
  if (json_) {
    add_json(line);
  } else {
    add_text(line);
  }
}

void TraceLines::add_text(const TraceLine& line) {
  const std::string head =
      fmt::format("{:10.6f}  {:>7} {:<15}  {:{}}", seconds(line.time), line.thread.tid,
                  line.thread_name, "", 2 * std::min(line.depth, most_indent));
  const std::string name = printable(line.function);
  switch (line.kind) {
    case TraceLine::Kind::call: {
      std::string arguments;
      for (const TraceLine::Argument& argument : line.arguments) {
        arguments +=
            fmt::format("{}{}={}", arguments.empty() ? "" : ", ", argument.name, argument.value);
      }
      text_ += fmt::format("{}{}({})\n", head, name, arguments);
      for (const std::string& caller : line.callers)
        text_ += fmt::format("{:{}}from {}\n", "", display_width(head) + 4, caller);
      return;
    }
    case TraceLine::Kind::returned:
      text_ += fmt::format("{}{} {} <{}{}>\n", head, name,
                           line.value.empty() ? "returned" : "= " + line.value,
                           format_duration(line.took), line.by_tail_call ? ", tail call" : "");
      return;
    case TraceLine::Kind::left:
      text_ += fmt::format("{}{} was left without a return\n", head, name);
      return;
  }
}

void TraceLines::add_json(const TraceLine& line) {
  ordered_json object;
  switch (line.kind) {
    case TraceLine::Kind::call:
      object["event"] = "call";
      break;
    case TraceLine::Kind::returned:
      object["event"] = "return";
      break;
    case TraceLine::Kind::left:
      object["event"] = "left";
      break;
  }
  object["time_ms"] = to_milliseconds(line.time);
  object["call"] = line.call;
  object["id"] = line.thread.number;
  object["tid"] = line.thread.tid;
  object["thread"] = line.thread_name;
  object["function"] = printable(line.function);
  if (line.kind == TraceLine::Kind::call) {
    object["depth"] = line.depth;
    object["arguments"] = ordered_json::array();
    for (const TraceLine::Argument& argument : line.arguments)
      object["arguments"].push_back({{"name", argument.name}, {"value", argument.value}});
    if (!line.callers.empty()) object["callers"] = line.callers;
  }
  if (line.kind == TraceLine::Kind::returned) {
    if (!line.value.empty()) object["value"] = line.value;
    object["took_ms"] = to_milliseconds(line.took);
    object["tail_call"] = line.by_tail_call;
  }
  text_ += object.dump() + "\n";
}

std::string TraceLines::end(const std::deque<TracedFunction>& functions, const TraceEnd& end) {
  const Sums sums = sums_of(functions);
  if (json_) {
    ordered_json object;
    object["event"] = "end";
    put_end(object, end, sums);
    object["not_shown"] = all_hidden_;
    return object.dump() + "\n";
  }
  std::string text = fmt::format("{} calls of {} functions in {}: {} returned, {} left", end.calls,
                                 sums.called, format_duration(end.took), sums.returns, sums.left);
  if (all_hidden_ > 0) text += fmt::format("; {} were not shown (--rate {})", all_hidden_, rate_);
  return text + "\n" + end_text(end);
}

std::string trace_counts(const std::deque<TracedFunction>& functions, const TraceEnd& end,
                         bool json, const Style& style) {
  std::vector<const TracedFunction*> called;
  for (const TracedFunction& function : functions) {
    if (function.calls > 0) called.push_back(&function);
  }
  std::stable_sort(called.begin(), called.end(),
                   [](const auto* a, const auto* b) { return a->calls > b->calls; });
  const Sums sums = sums_of(functions);
  if (json) {
    ordered_json document;
    document["pid"] = end.target.pid;
    if (end.target.via_tid != 0) document["requested_tid"] = end.target.via_tid;
    document["name"] = end.target.name;
    document["executable"] = end.target.executable;
    put_end(document, end, sums);
    document["functions"] = ordered_json::array();
    for (const TracedFunction* function : called) {
      document["functions"].push_back({{"function", printable(function->name)},
                                       {"title", printable(function->title)},
                                       {"module", std::string(function->module.module->name())},
                                       {"calls", function->calls},
                                       {"returns", function->returns},
                                       {"left", function->left},
                                       {"average_ms", to_milliseconds(average(*function))},
                                       {"longest_ms", to_milliseconds(function->longest)}});
    }
    document["not_called"] = functions.size() - called.size();
    return document.dump() + "\n";
  }
  Table table({{"CALLS", Table::Align::right, {}},
               {"RETURNED", Table::Align::right, {}},
               {"LEFT", Table::Align::right, {}},
               {"AVERAGE", Table::Align::right, {}},
               {"LONGEST", Table::Align::right, {}},
               {"FUNCTION", Table::Align::left, {}}});
  for (const TracedFunction* function : called) {
    table.add({std::to_string(function->calls), std::to_string(function->returns),
               function->left == 0 ? "" : std::to_string(function->left),
               function->returns == 0 ? "" : format_duration(average(*function)),
               function->returns == 0 ? "" : format_duration(function->longest),
               printable(function->title)});
  }
  std::string text;
  if (!called.empty()) text = table.render(0, [&](std::string_view t) { return style.faint(t); });
  text += fmt::format("{} calls in {}", end.calls, format_duration(end.took));
  if (called.size() < functions.size())
    text += fmt::format("; {} functions were not called", functions.size() - called.size());
  return text + "\n" + end_text(end);
}

}  // namespace clew::cli
