#include "view/stack_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/printable.h"

namespace clew {
namespace {

/// What is told of an idle pool in one line.
constexpr size_t functions_of_pool = 6;
/// Names of threads in a heading.
constexpr size_t names_of_group = 6;

std::string count_of(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::vector<pid_t> tids_of(const StackReport& report, const std::vector<size_t>& threads) {
  std::vector<pid_t> tids;
  for (const size_t thread : threads) tids.push_back(report.threads[thread].tid);
  return tids;
}

/// The names of a group's threads, the most frequent first: `"worker" 12, "main"`.
std::string names_of(const StackReport& report, const std::vector<size_t>& threads) {
  std::map<std::string, size_t> counts;
  for (const size_t thread : threads) ++counts[report.threads[thread].name];
  std::vector<std::pair<std::string, size_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (size_t i = 0; i < std::min(sorted.size(), names_of_group); ++i) {
    text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", sorted[i].first);
    if (sorted[i].second > 1 && sorted.size() > 1) text += fmt::format(" {}", sorted[i].second);
  }
  if (sorted.size() > names_of_group)
    text += fmt::format(" and {} other names", sorted.size() - names_of_group);
  return text;
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

std::string render_group(const StackReport& report, const stack::StackGroup& group,
                         stack::Namer& namer, const StackReportOptions& options,
                         const Style& style) {
  FrameLineOptions lines;
  lines.indent = "  ";
  lines.fold_repeats = !options.unfold;
  std::string text = heading_of(report, group.threads, style) +
                     render_frames(frame_views(group, namer), lines, style);
  const std::string end = describe_end(group.end, group.end_note);
  if (!end.empty()) text += "  " + style.warning(end) + "\n";
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
  // Few reasons for many threads.
  std::map<std::string, std::vector<size_t>> by_reason;
  for (size_t i = 0; i < report.threads.size(); ++i) {
    if (!report.threads[i].error.empty()) by_reason[report.threads[i].error].push_back(i);
  }
  std::string text;
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
  std::string text =
      fmt::format("process {} \"{}\", {} in {}, stopped for {}\n\n", report.pid, report.name,
                  count_of(report.threads.size(), "thread"),
                  count_of(report.groups.size(), "different stack"), format_duration(report.pause));
  for (const stack::StackGroup& group : report.groups) {
    if (!group.is_idle || options.unfold)
      text += render_group(report, group, namer, options, style);
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
  document["complete"] = report.is_complete;
  document["resumed"] = report.is_resumed;
  document["thread_count"] = report.threads.size();
  auto groups = nlohmann::ordered_json::array();
  for (const stack::StackGroup& group : report.groups) {
    nlohmann::ordered_json item;
    item["count"] = group.threads.size();
    item["idle"] = group.is_idle;
    auto threads = nlohmann::ordered_json::array();
    for (const size_t thread : group.threads)
      threads.push_back(thread_to_json(report.threads[thread]));
    item["threads"] = std::move(threads);
    item["frames"] = frames_to_json(frame_views(group, namer));
    item["end"] = end_name(group.end);
    item["end_note"] = printable(group.end_note);
    groups.push_back(std::move(item));
  }
  document["groups"] = std::move(groups);
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
  // Stacks that differ in lines only are one here.
  std::map<std::string, size_t> lines;
  for (const stack::StackGroup& group : report.groups) {
    std::string line = name;
    const auto frames = frame_views(group, namer);
    for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
      line += ";" + folded_name(*frame);
    lines[line] += group.threads.size();
  }
  std::string text;
  for (const auto& [line, count] : lines) text += fmt::format("{} {}\n", line, count);
  return text;
}

}  // namespace clew
