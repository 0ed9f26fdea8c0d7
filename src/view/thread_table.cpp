#include "view/thread_table.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/printable.h"
#include "os/task_facts.h"
#include "view/table.h"

namespace clew {
namespace {

std::string number_cell(const ThreadRow& row, bool selection) {
  return fmt::format("{}{}", selection ? (row.current ? "* " : "  ") : "", row.number);
}

std::string tid_cell(const ThreadRow& row) {
  return row.inner_tid == 0 ? fmt::format("{}", row.tid)
                            : fmt::format("{} ({} inside)", row.tid, row.inner_tid);
}

std::string state_words(const ThreadRow& row, bool with_now) {
  switch (row.activity) {
    case ThreadActivity::exiting:
      return "exiting";
    case ThreadActivity::uninterruptible:
      return "uninterruptible";
    default:
      break;
  }
  if (with_now && row.state_now != 0) return fmt::format("{} → {}", row.state, row.state_now);
  if (row.state == 't' && is_held(row.activity)) return std::string(activity_name(row.activity));
  if (row.state == '?') return row.activity == ThreadActivity::running ? "running" : "new";
  return fmt::format("{} {}", row.state, os::state_words(row.state));
}

std::string state_cell(const ThreadRow& row, bool with_now) {
  return state_words(row, with_now) + (row.frozen ? ", frozen" : "");
}

std::string last_cell(const ThreadRow& row) {
  if (!row.error.empty()) return "(" + row.error + ")";
  return row.waits_in;
}

/// By name where one is known; names of templates would else push all other columns away.
std::string where_cell(const ThreadRow& row) {
  constexpr size_t longest_function = 48;
  const std::string name = row.place.description(longest_function);
  if (name.empty()) return row.where;
  const bool has_line = !row.place.line.file.empty() && row.place.line.line != 0;
  return has_line ? name : name + " in " + row.where.substr(0, row.where.rfind('+'));
}

}  // namespace

std::string hex_address(uint64_t address) { return fmt::format("{:#018x}", address); }

std::string render_threads(const std::vector<ThreadRow>& rows, const ThreadTableOptions& options,
                           const Style& style) {
  const auto paint = [&](std::string (Style::*colour)(std::string_view) const) -> Table::Paint {
    if (!style.is_on()) return {};
    return [&style, colour](std::string_view text) { return (style.*colour)(text); };
  };
  Table table({{"#", Table::Align::right, paint(&Style::heading)},
               {"TID", Table::Align::right, {}},
               {"NAME", Table::Align::left, {}},
               {"STATE", Table::Align::left, {}},
               {"CPU", Table::Align::right, {}},
               {"GOROUTINE", Table::Align::right, {}},
               {"PC", Table::Align::left, paint(&Style::address)},
               {"WHERE", Table::Align::left, {}},
               {"WAITS IN", Table::Align::left, paint(&Style::faint)}});
  // Thousands of threads stand at a few addresses.
  std::unordered_map<uint64_t, std::string> wheres;
  const auto where = [&](const ThreadRow& row) -> const std::string& {
    const auto [found, is_new] = wheres.try_emplace(row.pc.value_or(0));
    if (is_new) found->second = where_cell(row);
    return found->second;
  };
  for (const ThreadRow& row : rows) {
    table.add_row(number_cell(row, options.selection), tid_cell(row), row.name,
                  state_cell(row, options.state_now), row.cpu < 0 ? "" : fmt::format("{}", row.cpu),
                  row.goroutine == 0 ? "" : fmt::format("{}", row.goroutine),
                  row.pc ? hex_address(*row.pc) : "", where(row), last_cell(row));
  }
  return table.render(options.width, paint(&Style::faint));
}

std::string_view activity_name(ThreadActivity activity) {
  switch (activity) {
    case ThreadActivity::running:
      return "running";
    case ThreadActivity::held:
      return "held";
    case ThreadActivity::held_stopped:
      return "held_stopped";
    case ThreadActivity::stopped:
      return "stopped";
    case ThreadActivity::exiting:
      return "exiting";
    case ThreadActivity::uninterruptible:
      return "uninterruptible";
  }
  return "running";
}

nlohmann::ordered_json threads_to_json(const std::vector<ThreadRow>& rows) {
  auto list = nlohmann::ordered_json::array();
  for (const ThreadRow& row : rows) {
    nlohmann::ordered_json item;
    item["id"] = row.number;
    item["tid"] = row.tid;
    if (row.inner_tid != 0) item["tid_inside"] = row.inner_tid;
    item["name"] = row.name;
    item["state"] = row.state == '?' ? nlohmann::ordered_json()
                                     : nlohmann::ordered_json(std::string(1, row.state));
    if (row.state_now != 0) item["state_held"] = std::string(1, row.state_now);
    item["activity"] = activity_name(row.activity);
    if (row.frozen) item["frozen"] = true;
    item["cpu"] = row.cpu < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(row.cpu);
    if (row.goroutine != 0) item["goroutine"] = row.goroutine;
    item["pc"] =
        row.pc ? nlohmann::ordered_json(fmt::format("{:#x}", *row.pc)) : nlohmann::ordered_json();
    item["where"] = row.where;
    if (!row.place.function.empty()) {
      item["function"] = printable(row.place.function);
      item["function_offset"] = row.place.offset;
    }
    if (!row.place.line.file.empty()) {
      item["file"] = printable(row.place.line.file);
      item["line"] = row.place.line.line;
    }
    item["waits_in"] = row.waits_in;
    if (!row.error.empty()) item["error"] = row.error;
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace clew
