#include "view/goroutine_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/printable.h"
#include "view/table.h"

namespace clew {
namespace {

using nlohmann::ordered_json;

/// Of the numbers of a group's goroutines, as many stretches as anyone reads.
constexpr size_t most_ranges = 12;

const go::GoPlace& place_of(GoroutineSnapshot& snapshot, const go::Goroutine& goroutine,
                            GoroutineField field) {
  switch (field) {
    case GoroutineField::current_location:
      return snapshot.places.current(goroutine);
    case GoroutineField::go_location:
      return snapshot.places.go_statement(goroutine);
    case GoroutineField::start_location:
      return snapshot.places.start(goroutine);
    default:
      return snapshot.places.user(snapshot.found, goroutine);
  }
}

std::string text_of(const go::GoPlace& place) {
  return place.function.empty() && place.pc.value == 0 ? "" : printable(place.description());
}

std::string made_at(GoroutineSnapshot& snapshot, const go::Goroutine& goroutine) {
  std::string text = text_of(snapshot.places.go_statement(goroutine));
  // Without a go statement there is nobody who made it.
  if (goroutine.go_pc.value == 0) return {};
  if (goroutine.parent != 0) text += fmt::format(" in {}", goroutine.parent);
  return text;
}

std::string labels_of(const GoroutineSnapshot& snapshot, const go::Goroutine& goroutine) {
  std::string text;
  for (const auto& [key, value] : snapshot.labels(goroutine))
    text += (text.empty() ? "" : ", ") + printable(key) + "=" + printable(value);
  return text;
}

std::string duration_text(std::optional<int64_t> waited) {
  return waited ? "≥ " + format_duration(std::chrono::nanoseconds(*waited)) : "";
}

std::string thread_text(const go::Goroutine& goroutine) {
  return goroutine.thread == 0 ? "" : fmt::format("{}", goroutine.thread);
}

/// Why its stack was not walked; empty when it was.
std::string_view problem_of(const go::Goroutine& goroutine) {
  if (!goroutine.has_broken_stack) return {};
  // The scheduler clears the place that it has let one go on at.
  if (goroutine.thread != 0 && goroutine.sp.value == 0)
    return "its thread is on another stack: where it stands is of before";
  return "its stack makes no sense";
}

std::string state_text(const GoroutineSnapshot& snapshot, const go::Goroutine& goroutine) {
  const std::string_view problem = problem_of(goroutine);
  return printable(snapshot.state(goroutine)) +
         (problem.empty() ? "" : fmt::format(" ({})", problem));
}

/// What all members have; else how many different ones there are.
std::string common(GoroutineSnapshot& snapshot, const GoroutineGroup& group, GoroutineField field) {
  std::vector<const go::GoPlace*> seen;
  for (const size_t index : group.members) {
    const go::GoPlace* const place = &place_of(snapshot, snapshot.found.all[index], field);
    if (std::find(seen.begin(), seen.end(), place) == seen.end()) seen.push_back(place);
    if (seen.size() > 9) return "10 places or more";
  }
  return seen.size() == 1 ? text_of(*seen.front()) : fmt::format("{} places", seen.size());
}

/// The labels that all members have: with their value where that is the same, else with how many
/// different ones there are.
std::string common_labels(const GoroutineSnapshot& snapshot, const GoroutineGroup& group) {
  // Goroutines with the same labels share them.
  std::set<const go::LabelSet*> sets;
  for (const size_t index : group.members) sets.insert(&snapshot.labels(snapshot.found.all[index]));
  std::map<std::string_view, std::pair<size_t, std::set<std::string_view>>> by_key;
  for (const go::LabelSet* const set : sets) {
    for (const auto& [key, value] : *set) {
      auto& [count, values] = by_key[key];
      ++count;
      values.insert(value);
    }
  }
  std::string text;
  for (const auto& [key, found] : by_key) {
    const auto& [count, values] = found;
    if (count != sets.size()) continue;
    text += (text.empty() ? "" : ", ") + printable(key) + "=" +
            (values.size() == 1 ? printable(*values.begin())
                                : fmt::format("({} values)", values.size()));
  }
  return text;
}

/// The thread of the one that is on one, or how many are.
std::string threads_of(const GoroutineSnapshot& snapshot, const GoroutineGroup& group) {
  std::string text;
  size_t count = 0;
  for (const size_t index : group.members) {
    const go::Goroutine& goroutine = snapshot.found.all[index];
    if (goroutine.thread == 0) continue;
    ++count;
    text = thread_text(goroutine);
  }
  return count > 1 ? fmt::format("{} threads", count) : text;
}

/// The longest wait of a group.
std::optional<int64_t> longest_wait(const GoroutineSnapshot& snapshot,
                                    const GoroutineGroup& group) {
  std::optional<int64_t> longest;
  for (const size_t index : group.members) {
    const auto waited = snapshot.waited(snapshot.found.all[index]);
    if (waited && (!longest || *waited > *longest)) longest = waited;
  }
  return longest;
}

std::vector<uint64_t> ids_of(const GoroutineSnapshot& snapshot, const GoroutineGroup& group) {
  std::vector<uint64_t> ids;
  ids.reserve(group.members.size());
  for (const size_t index : group.members) ids.push_back(snapshot.found.all[index].id);
  return ids;
}

ordered_json place_to_json(const go::GoPlace& place) {
  ordered_json item;
  item["function"] = printable(place.function);
  if (!place.line.file.empty()) {
    item["file"] = printable(place.line.file);
    item["line"] = place.line.line;
  }
  item["pc"] = fmt::format("{:#x}", place.pc.value);
  return item;
}

void add_state(ordered_json& item, const GoroutineSnapshot& snapshot,
               const go::Goroutine& goroutine) {
  const std::string_view state = go::state_name(goroutine.state());
  item["state"] = state.empty() ? fmt::format("{}", goroutine.state_number) : std::string(state);
  const std::string reason = snapshot.wait_reason(goroutine);
  item["wait_reason"] = reason.empty() ? ordered_json() : ordered_json(printable(reason));
}

ordered_json goroutine_to_json(GoroutineSnapshot& snapshot, const go::Goroutine& goroutine) {
  ordered_json item;
  item["id"] = goroutine.id;
  add_state(item, snapshot, goroutine);
  const auto waited = snapshot.waited(goroutine);
  item["waited_ms"] = waited ? ordered_json(static_cast<double>(*waited) / 1e6) : ordered_json();
  item["system"] = snapshot.places.is_system(goroutine);
  item["tid"] = goroutine.thread == 0 ? ordered_json() : ordered_json(goroutine.thread);
  item["parent"] = goroutine.parent == 0 ? ordered_json() : ordered_json(goroutine.parent);
  item["user_location"] = place_to_json(snapshot.places.user(snapshot.found, goroutine));
  item["current_location"] = place_to_json(snapshot.places.current(goroutine));
  item["go_location"] = goroutine.go_pc.value == 0
                            ? ordered_json()
                            : place_to_json(snapshot.places.go_statement(goroutine));
  item["start_location"] = place_to_json(snapshot.places.start(goroutine));
  auto labels = ordered_json::object();
  for (const auto& [key, value] : snapshot.labels(goroutine))
    labels[printable(key)] = printable(value);
  item["labels"] = std::move(labels);
  item["pc"] = fmt::format("{:#x}", goroutine.pc.value);
  item["sp"] = fmt::format("{:#x}", goroutine.sp.value);
  if (goroutine.is_scanned) item["scanned"] = true;
  if (const std::string_view problem = problem_of(goroutine); !problem.empty())
    item["error"] = problem;
  return item;
}

ordered_json group_to_json(GoroutineSnapshot& snapshot, const GoroutineGroup& group) {
  ordered_json item;
  const go::Goroutine& first = snapshot.found.all[group.members.front()];
  item["count"] = group.members.size();
  if (!group.title.empty()) {
    item["title"] = printable(group.title);
  } else {
    item["system"] = snapshot.places.is_system(first);
    add_state(item, snapshot, first);
    item["user_location"] = place_to_json(snapshot.places.user(snapshot.found, first));
  }
  item["goroutines"] = ids_of(snapshot, group);
  return item;
}

}  // namespace

std::string ranges_of_ids(const std::vector<uint64_t>& sorted) {
  std::string text;
  size_t ranges = 0;
  for (size_t i = 0; i < sorted.size(); ++ranges) {
    if (ranges == most_ranges) return text + fmt::format(" and {} more", sorted.size() - i);
    size_t last = i;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    text += fmt::format("{}{}", i == 0 ? "" : ", ", sorted[i]);
    if (last > i) text += fmt::format("{}{}", last == i + 1 ? ", " : "-", sorted[last]);
    i = last + 1;
  }
  return text;
}

std::string render_goroutines(GoroutineSnapshot& snapshot, const std::vector<size_t>& chosen,
                              const GoroutineTableOptions& options, const Style& style) {
  const auto faint = [&](std::string_view t) { return style.faint(t); };
  Table table({{"ID", Table::Align::right, [&](std::string_view t) { return style.heading(t); }},
               {"STATE", Table::Align::left, {}},
               {"WAITS", Table::Align::right, {}},
               {"TID", Table::Align::right, {}},
               {"LOCATION", Table::Align::left, {}},
               {"STARTED AS", Table::Align::left, {}},
               {"LABELS", Table::Align::left, {}},
               {"MADE AT", Table::Align::left, faint}});
  for (const size_t index : chosen) {
    const go::Goroutine& goroutine = snapshot.found.all[index];
    const bool is_selected = options.selected && *options.selected == goroutine.id;
    table.add({fmt::format("{}{}", is_selected ? "* " : "", goroutine.id),
               state_text(snapshot, goroutine), duration_text(snapshot.waited(goroutine)),
               thread_text(goroutine), text_of(place_of(snapshot, goroutine, options.location)),
               printable(snapshot.places.start(goroutine).function), labels_of(snapshot, goroutine),
               made_at(snapshot, goroutine)});
  }
  return table.render(options.width, faint);
}

std::string render_goroutine_groups(GoroutineSnapshot& snapshot,
                                    const std::vector<GoroutineGroup>& groups,
                                    const GoroutineTableOptions& options, const Style& style) {
  const auto faint = [&](std::string_view t) { return style.faint(t); };
  Table table({{"COUNT", Table::Align::right, [&](std::string_view t) { return style.heading(t); }},
               {"ALL HAVE", Table::Align::left, {}},
               {"STATE", Table::Align::left, {}},
               {"WAIT", Table::Align::right, {}},
               {"TID", Table::Align::right, {}},
               {"LOCATION", Table::Align::left, {}},
               {"STARTED AS", Table::Align::left, {}},
               {"MADE AT", Table::Align::left, {}},
               {"LABELS", Table::Align::left, {}},
               {"GOROUTINES", Table::Align::left, faint}});
  for (const GoroutineGroup& group : groups) {
    const go::Goroutine& first = snapshot.found.all[group.members.front()];
    const bool is_usual = group.title.empty();
    table.add({fmt::format("{}", group.members.size()), printable(group.title),
               is_usual ? state_text(snapshot, first) : "",
               duration_text(longest_wait(snapshot, group)), threads_of(snapshot, group),
               common(snapshot, group, options.location),
               common(snapshot, group, GoroutineField::start_location),
               common(snapshot, group, GoroutineField::go_location), common_labels(snapshot, group),
               ranges_of_ids(ids_of(snapshot, group))});
  }
  return table.render(options.width, faint);
}

std::string goroutine_heading(const GoroutineReport& report, const GoroutineSnapshot& snapshot) {
  const size_t all = snapshot.found.all.size();
  std::string text = fmt::format("process {} \"{}\"", report.pid, report.name);
  if (!report.version.empty()) text += ", " + printable(report.version);
  text += report.chosen.size() == all
              ? ": " + count_of(all, "goroutine")
              : fmt::format(": {} of {}", report.chosen.size(), count_of(all, "goroutine"));
  if (report.is_grouped) text += " in " + count_of(report.groups.size(), "group");
  return text + fmt::format(", {}, stopped for {}\n", count_of(report.threads, "thread"),
                            format_duration(report.pause));
}

void goroutines_to_json(const GoroutineReport& report, GoroutineSnapshot& snapshot,
                        const std::function<void(std::string_view)>& write) {
  constexpr size_t piece = 1 << 20;
  ordered_json document;
  document["pid"] = report.pid;
  if (report.via_tid != 0) document["requested_tid"] = report.via_tid;
  document["name"] = report.name;
  document["executable"] = report.executable;
  document["go_version"] = report.version;
  document["pause_ms"] = to_milliseconds(report.pause);
  document["complete"] = report.is_complete;
  document["resumed"] = report.is_resumed;
  document["thread_count"] = report.threads;
  document["goroutine_count"] = snapshot.found.all.size();
  document["problems"] = report.problems;
  std::string text = document.dump();
  text.pop_back();
  text += report.is_grouped ? ",\"groups\":[" : ",\"goroutines\":[";
  const size_t count = report.is_grouped ? report.groups.size() : report.chosen.size();
  for (size_t i = 0; i < count; ++i) {
    const ordered_json item =
        report.is_grouped ? group_to_json(snapshot, report.groups[i])
                          : goroutine_to_json(snapshot, snapshot.found.all[report.chosen[i]]);
    text += (i == 0 ? "" : ",") + item.dump();
    if (text.size() < piece) continue;
    write(text);
    text.clear();
  }
  write(text + "]}\n");
}

}  // namespace clew
