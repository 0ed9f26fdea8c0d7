#include "view/stack_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "view/goroutine_report.h"
#include "view/table.h"
#include "view/variable_lines.h"

namespace clew {
namespace {

/// What is told of an idle pool in one line.
constexpr size_t functions_of_pool = 6;
/// Names of threads in a heading.
constexpr size_t names_of_group = 6;

std::vector<pid_t> tids_of(const StackReport& report, const std::vector<size_t>& threads) {
  std::vector<pid_t> tids;
  tids.reserve(threads.size());
  for (const size_t thread : threads) tids.push_back(report.threads[thread].tid);
  return tids;
}

std::string most_frequent(const std::map<std::string, size_t>& counts, std::string_view what) {
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (size_t i = 0; i < std::min(sorted.size(), names_of_group); ++i) {
    text += (i == 0 ? "" : ", ") + sorted[i].first;
    if (sorted[i].second > 1 && sorted.size() > 1) text += fmt::format(" {}", sorted[i].second);
  }
  if (sorted.size() > names_of_group)
    text += fmt::format(" and {} other {}", sorted.size() - names_of_group, what);
  return text;
}

/// The names of a group's threads, the most frequent first: `"worker" 12, "main"`.
std::string names_of(const StackReport& report, const std::vector<size_t>& threads) {
  std::map<std::string, size_t> counts;
  for (const size_t thread : threads) ++counts["\"" + report.threads[thread].name + "\""];
  return most_frequent(counts, "names");
}

/// What a group's goroutines do: `chan receive 12, select`.
std::string states_of(const StackReport& report, const std::vector<size_t>& goroutines) {
  std::map<std::string, size_t> counts;
  for (const size_t i : goroutines) ++counts[printable(report.goroutines[i].state)];
  return most_frequent(counts, "states");
}

std::string heading_of(const StackReport& report, const std::vector<size_t>& threads,
                       const Style& style) {
  return style.heading(count_of(threads.size(), "thread")) + " " + names_of(report, threads) +
         style.faint(fmt::format(", tid {}", ranges_of(tids_of(report, threads)))) + "\n";
}

std::string cut(std::string line, size_t width) {
  if (width == 0 || line.size() <= width) return line;
  size_t end = width - 1;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  line.resize(end);
  return line + "…";
}

/// An idle pool in one line: "pause < sleeper < start_thread".
std::string summary_of(const std::vector<FrameView>& frames) {
  std::string text;
  size_t shown = 0;
  for (const FrameView& frame : frames) {
    if (shown == functions_of_pool) return text + " < …";
    text += (shown++ == 0 ? "" : " < ") +
            (frame.function.empty() ? describe_frame(frame) : printable(frame.function));
  }
  return text;
}

std::string heading_of_goroutines(const StackReport& report, const std::vector<size_t>& members,
                                  const Style& style) {
  std::vector<uint64_t> ids;
  std::optional<int64_t> longest;
  for (const size_t i : members) {
    const StackReport::Goroutine& goroutine = report.goroutines[i];
    ids.push_back(goroutine.id);
    if (goroutine.waited && (!longest || *goroutine.waited > *longest)) longest = goroutine.waited;
  }
  std::string more;
  if (longest) more += fmt::format(", ≥ {}", format_duration(std::chrono::nanoseconds(*longest)));
  more += ", " + ranges_of_ids(ids);
  if (const pid_t tid = report.goroutines[members.front()].tid; members.size() == 1 && tid != 0)
    more += fmt::format(" on thread {}", tid);
  const bool is_system = report.goroutines[members.front()].is_system;
  return style.heading(count_of(members.size(), "goroutine")) +
         (is_system ? " of the runtime [" : " [") + states_of(report, members) + "]" +
         style.faint(more) + "\n";
}

/// Whose stacks a group has.
enum class Members : uint8_t { threads, goroutines };

/// @return lines for what was not read.
std::string add_variables_of(const StackReport& report, const stack::StackGroup& group, Members of,
                             const StackReportOptions& options, std::vector<FrameView>& frames) {
  constexpr size_t most_different = 5;
  std::string missing;
  if (!report.variables) return missing;
  const bool is_thread = of == Members::threads;
  std::vector<MemberVariables> members;
  members.reserve(group.threads.size());
  for (const size_t i : group.threads) {
    members.push_back(
        is_thread ? MemberVariables{&report.variables->threads[i],
                                    static_cast<uint64_t>(report.threads[i].tid)}
                  : MemberVariables{&report.variables->goroutines[i], report.goroutines[i].id});
  }
  VariableLineOptions lines;
  lines.indent = std::string(11, ' ');
  lines.most_different = options.unfold ? 0 : most_different;
  lines.what = is_thread ? "tid" : "goroutine";
  add_variables(frames, members, lines, missing);
  return missing;
}

std::string render_frames_of(const std::string& heading, const StackReport& report,
                             const stack::StackGroup& group, Members of, stack::Namer& namer,
                             const StackReportOptions& options, const Style& style) {
  FrameLineOptions lines;
  lines.indent = "  ";
  lines.fold_repeats = !options.unfold;
  std::vector<FrameView> frames = frame_views(group, namer);
  const std::string missing = add_variables_of(report, group, of, options, frames);
  std::string text = heading + render_frames(frames, lines, style);
  const std::string end = describe_end(group.end, group.end_note);
  if (!end.empty()) text += "  " + style.warning(end) + "\n";
  for (size_t at = 0; at < missing.size();) {
    const size_t line_end = missing.find('\n', at);
    text += "  " + style.warning(missing.substr(at, line_end - at)) + "\n";
    at = line_end + 1;
  }
  return text + "\n";
}

std::string render_idle(const StackReport& report, stack::Namer& namer,
                        const StackReportOptions& options, const Style& style) {
  size_t threads = 0;
  size_t stacks = 0;
  std::string lines;
  for (const stack::StackGroup& group : report.groups) {
    if (!group.is_idle) continue;
    ++stacks;
    threads += group.threads.size();
    lines += "  " + heading_of(report, group.threads, style);
    lines += "    " +
             cut(summary_of(frame_views(group, namer)), options.width > 8 ? options.width - 4 : 0) +
             "\n";
  }
  if (stacks == 0) return {};
  return style.heading("idle") +
         fmt::format(": {} in {} only wait for work (--all shows them whole)\n",
                     count_of(threads, "thread"), count_of(stacks, "pool")) +
         lines + "\n";
}

std::string render_without_stack(const StackReport& report, const Style& style) {
  std::map<std::string, std::vector<size_t>> goroutines;
  for (size_t i = 0; i < report.goroutines.size(); ++i) {
    if (!report.goroutines[i].error.empty()) goroutines[report.goroutines[i].error].push_back(i);
  }
  // Few reasons for many threads.
  std::map<std::string, std::vector<size_t>> by_reason;
  for (size_t i = 0; i < report.threads.size(); ++i) {
    if (!report.threads[i].error.empty()) by_reason[report.threads[i].error].push_back(i);
  }
  std::string text;
  for (const auto& [reason, members] : goroutines) {
    text += heading_of_goroutines(report, members, style) + "  " + style.warning(reason) + "\n\n";
  }
  for (const auto& [reason, threads] : by_reason)
    text += heading_of(report, threads, style) + "  " + style.warning(reason) + "\n\n";
  return text;
}

std::string folded_name(const FrameView& frame) {
  std::string name = frame.function;
  if (name.empty()) {
    const std::string module = frame.module.empty() ? "unknown" : frame.module;
    name = fmt::format("[{}]", module.substr(module.find_last_of('/') + 1));
  }
  name = printable(name);
  // The one character that means something to the tools that read this.
  std::replace(name.begin(), name.end(), ';', ':');
  return frame.is_inlined ? name + "_[i]" : name;
}

std::string summary_line(const StackReport& report) {
  std::string text = fmt::format("process {} \"{}\"", report.pid, report.name);
  if (report.is_go) {
    if (!report.go_version.empty()) text += ", " + printable(report.go_version);
    text += fmt::format(", {} in {}, {}", count_of(report.goroutines.size(), "goroutine"),
                        count_of(report.goroutine_groups.size(), "different stack"),
                        count_of(report.threads.size(), "thread"));
  } else {
    text += fmt::format(", {} in {}", count_of(report.threads.size(), "thread"),
                        count_of(report.groups.size(), "different stack"));
  }
  text += fmt::format(", stopped for {}", format_duration(report.pause));
  if (report.first_pause > Duration::zero())
    text += fmt::format(", and before that for {}", format_duration(report.first_pause));
  return text + "\n\n";
}

nlohmann::ordered_json goroutine_to_json(const StackReport::Goroutine& goroutine) {
  nlohmann::ordered_json item;
  item["id"] = goroutine.id;
  item["state"] = printable(goroutine.plain_state);
  item["wait_reason"] = goroutine.wait_reason.empty()
                            ? nlohmann::ordered_json()
                            : nlohmann::ordered_json(printable(goroutine.wait_reason));
  item["waited_ms"] = goroutine.waited
                          ? nlohmann::ordered_json(static_cast<double>(*goroutine.waited) / 1e6)
                          : nlohmann::ordered_json();
  item["tid"] =
      goroutine.tid == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(goroutine.tid);
  return item;
}

/// Nothing without --full.
void add_variables_to_json(nlohmann::ordered_json& item, const StackVariables* variables) {
  if (variables == nullptr) return;
  item["variables"] = variables_to_json(*variables);
  if (!variables->missing.empty()) item["variables_missing"] = variables->missing;
}

void add_stack(nlohmann::ordered_json& item, const stack::StackGroup& group, stack::Namer& namer) {
  item["frames"] = frames_to_json(frame_views(group, namer));
  item["end"] = end_name(group.end);
  item["end_note"] = printable(group.end_note);
}

void add_goroutines(nlohmann::ordered_json& document, const StackReport& report,
                    stack::Namer& namer) {
  document["go_version"] = printable(report.go_version);
  document["goroutine_count"] = report.goroutines.size();
  auto groups = nlohmann::ordered_json::array();
  for (const stack::StackGroup& group : report.goroutine_groups) {
    nlohmann::ordered_json item;
    item["count"] = group.threads.size();
    item["system"] = report.goroutines[group.threads.front()].is_system;
    auto goroutines = nlohmann::ordered_json::array();
    for (const size_t i : group.threads) {
      nlohmann::ordered_json& one =
          goroutines.emplace_back(goroutine_to_json(report.goroutines[i]));
      add_variables_to_json(one, report.variables ? &report.variables->goroutines[i] : nullptr);
    }
    item["goroutines"] = std::move(goroutines);
    add_stack(item, group, namer);
    groups.push_back(std::move(item));
  }
  document["goroutine_groups"] = std::move(groups);
  auto without = nlohmann::ordered_json::array();
  for (const StackReport::Goroutine& goroutine : report.goroutines) {
    if (goroutine.error.empty()) continue;
    nlohmann::ordered_json item = goroutine_to_json(goroutine);
    item["error"] = goroutine.error;
    without.push_back(std::move(item));
  }
  document["goroutines_without_stack"] = std::move(without);
}

/// Stacks that differ in lines only are one here.
void add_folded(std::map<std::string, size_t>& lines, const std::string& root,
                const std::vector<stack::StackGroup>& groups, stack::Namer& namer) {
  for (const stack::StackGroup& group : groups) {
    std::string line = root;
    const auto frames = frame_views(group, namer);
    for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
      line += ";" + folded_name(*frame);
    lines[line] += group.threads.size();
  }
}

}  // namespace

std::string ranges_of(std::vector<pid_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", i == 0 ? "" : ", ", numbers[i]);
    if (last > i) text += fmt::format("{}{}", last == i + 1 ? ", " : "-", numbers[last]);
    i = last + 1;
  }
  return text;
}

std::string render_stacks(const StackReport& report, stack::Namer& namer,
                          const StackReportOptions& options, const Style& style) {
  std::string text = summary_line(report);
  for (const stack::StackGroup& group : report.goroutine_groups) {
    text += render_frames_of(heading_of_goroutines(report, group.threads, style), report, group,
                             Members::goroutines, namer, options, style);
  }
  if (report.is_go && !report.groups.empty()) {
    size_t threads = 0;
    for (const stack::StackGroup& group : report.groups) threads += group.threads.size();
    text += style.heading("without a goroutine") +
            fmt::format(": {} in {}\n\n", count_of(threads, "thread"),
                        count_of(report.groups.size(), "different stack"));
  }
  for (const stack::StackGroup& group : report.groups) {
    if (!group.is_idle || options.unfold) {
      text += render_frames_of(heading_of(report, group.threads, style), report, group,
                               Members::threads, namer, options, style);
    }
  }
  if (!options.unfold) text += render_idle(report, namer, options, style);
  text += render_without_stack(report, style);
  text.pop_back();  // the empty line behind the last
  return text;
}

nlohmann::ordered_json stacks_to_json(const StackReport& report, stack::Namer& namer) {
  const auto thread_to_json = [](const StackReport::Thread& thread) {
    nlohmann::ordered_json item;
    item["id"] = thread.number;
    item["tid"] = thread.tid;
    if (thread.inner_tid != 0) item["tid_inside"] = thread.inner_tid;
    item["name"] = thread.name;
    item["state"] = thread.state == '?' ? nlohmann::ordered_json()
                                        : nlohmann::ordered_json(std::string(1, thread.state));
    return item;
  };
  nlohmann::ordered_json document;
  document["pid"] = report.pid;
  if (report.via_tid != 0) document["requested_tid"] = report.via_tid;
  document["name"] = report.name;
  document["executable"] = report.executable;
  document["pause_ms"] = to_milliseconds(report.pause);
  if (report.variables) document["first_pause_ms"] = to_milliseconds(report.first_pause);
  document["complete"] = report.is_complete && (!report.variables || report.variables->cut == 0);
  document["resumed"] = report.is_resumed;
  document["thread_count"] = report.threads.size();
  auto groups = nlohmann::ordered_json::array();
  for (const stack::StackGroup& group : report.groups) {
    nlohmann::ordered_json item;
    item["count"] = group.threads.size();
    item["idle"] = group.is_idle;
    auto threads = nlohmann::ordered_json::array();
    for (const size_t thread : group.threads) {
      nlohmann::ordered_json& one = threads.emplace_back(thread_to_json(report.threads[thread]));
      add_variables_to_json(one, report.variables ? &report.variables->threads[thread] : nullptr);
    }
    item["threads"] = std::move(threads);
    add_stack(item, group, namer);
    groups.push_back(std::move(item));
  }
  document["groups"] = std::move(groups);
  if (report.is_go) add_goroutines(document, report, namer);
  auto without = nlohmann::ordered_json::array();
  for (const StackReport::Thread& thread : report.threads) {
    if (thread.error.empty()) continue;
    nlohmann::ordered_json item = thread_to_json(thread);
    item["error"] = thread.error;
    without.push_back(std::move(item));
  }
  document["without_stack"] = std::move(without);
  document["problems"] = report.problems;
  return document;
}

std::string stacks_to_folded(const StackReport& report, stack::Namer& namer) {
  std::string name = report.name;
  std::replace(name.begin(), name.end(), ';', ':');
  std::map<std::string, size_t> lines;
  add_folded(lines, report.is_go ? name + ";threads" : name, report.groups, namer);
  add_folded(lines, name + ";goroutines", report.goroutine_groups, namer);
  std::string text;
  for (const auto& [line, count] : lines) text += fmt::format("{} {}\n", line, count);
  return text;
}

}  // namespace clew
