#include "view/variable_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "value/type_text.h"
#include "view/goroutine_report.h"
#include "view/table.h"

namespace clew {
namespace {

/// One variable of one frame in all members.
struct Column {
  std::string name;
  bool is_argument = false;
  struct Cell {
    uint64_t member = 0;
    const FrameVariable* variable = nullptr;
  };
  std::vector<Cell> cells;

  const FrameVariable& first() const { return *cells.front().variable; }
  /// True when the value of each is the same, `all` being so many.
  bool is_common(size_t all, std::string FrameVariable::*text) const {
    return cells.size() == all && std::all_of(cells.begin(), cells.end(), [&](const Cell& cell) {
             return cell.variable->*text == first().*text;
           });
  }
};

/// Members can stand at different instructions of one line, where other variables are visible.
class Columns {
 public:
  void add(uint64_t member, const std::vector<FrameVariable>& variables, bool is_argument) {
    std::map<std::string_view, size_t> seen;
    for (const FrameVariable& variable : variables) {
      const size_t turn = seen[variable.name]++;
      column(variable.name, is_argument, turn).cells.push_back({member, &variable});
    }
  }
  const std::vector<Column>& all() const { return columns_; }

 private:
  Column& column(const std::string& name, bool is_argument, size_t turn) {
    for (Column& column : columns_) {
      if (column.name == name && column.is_argument == is_argument && turn-- == 0) return column;
    }
    Column& made = columns_.emplace_back();
    made.name = name;
    made.is_argument = is_argument;
    return made;
  }

  std::vector<Column> columns_;
};

/// "tid 3-5, 9"
std::string who(std::vector<uint64_t> ids, const VariableLineOptions& options) {
  std::sort(ids.begin(), ids.end());
  return fmt::format("{} {}", options.what, ranges_of_ids(ids));
}

std::string lines_of(const Column& column, size_t members, const VariableLineOptions& options) {
  if (column.is_common(members, &FrameVariable::text))
    return fmt::format("{}{} = {}\n", options.indent, column.name, column.first().text);
  std::map<std::string_view, std::vector<uint64_t>> by_text;
  for (const Column::Cell& cell : column.cells) by_text[cell.variable->text].push_back(cell.member);
  std::vector<std::pair<std::string_view, std::vector<uint64_t>>> values(by_text.begin(),
                                                                         by_text.end());
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.second.size() != b.second.size() ? a.second.size() > b.second.size()
                                              : a.second.front() < b.second.front();
  });
  const size_t most = options.most_different;
  const size_t shown = most == 0 ? values.size() : std::min(values.size(), most);
  std::string lines;
  for (size_t i = 0; i < shown; ++i) {
    lines += fmt::format("{}{} [{}] = {}\n", options.indent, column.name,
                         who(values[i].second, options), values[i].first);
  }
  if (shown < values.size()) {
    size_t left = 0;
    for (size_t i = shown; i < values.size(); ++i) left += values[i].second.size();
    lines += fmt::format("{}{}: {} in {} more (--all shows them)\n", options.indent, column.name,
                         count_of(values.size() - shown, "other value"), left);
  }
  return lines;
}

void fill(FrameView& frame, const Columns& columns, size_t members,
          const VariableLineOptions& options) {
  std::string list;
  bool has_list = false;
  for (const Column& column : columns.all()) {
    bool is_told = false;
    if (column.is_argument && !column.first().brief.empty()) {
      const bool is_common = column.is_common(members, &FrameVariable::brief);
      list += fmt::format("{}{}={}", has_list ? ", " : "", column.name,
                          is_common ? column.first().brief : "…");
      has_list = true;
      is_told = is_common && column.first().brief != "...";
    }
    if (!is_told) frame.details += lines_of(column, members, options);
  }
  frame.arguments = "(" + list + ")";
}

nlohmann::ordered_json list_to_json(const std::vector<FrameVariable>& variables) {
  auto list = nlohmann::ordered_json::array();
  for (const FrameVariable& variable : variables) {
    nlohmann::ordered_json item;
    item["name"] = variable.name;
    item["type"] = value::type_text(variable.type);
    if (variable.is_absent) {
      item["value"] = nullptr;
      // Without the brackets that stand for it in text.
      item["absent"] = variable.text.substr(1, variable.text.size() - 2);
    } else {
      item["value"] = variable.text;
    }
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace

void add_variables(std::vector<FrameView>& frames, std::span<const MemberVariables> members,
                   const VariableLineOptions& options, std::string& missing) {
  std::map<unsigned, std::pair<Columns, size_t>> by_level;
  std::map<std::string, std::vector<uint64_t>> reasons;
  for (const MemberVariables& member : members) {
    for (const FrameVariables& frame : member.variables->frames) {
      auto& [columns, count] = by_level[frame.level];
      columns.add(member.id, frame.arguments, true);
      columns.add(member.id, frame.locals, false);
      ++count;
    }
    if (!member.variables->missing.empty()) reasons[member.variables->missing].push_back(member.id);
  }
  for (FrameView& frame : frames) {
    const auto found = by_level.find(frame.level);
    if (found != by_level.end()) fill(frame, found->second.first, members.size(), options);
  }
  for (const auto& [reason, ids] : reasons) {
    missing += ids.size() == members.size()
                   ? fmt::format("variables: {}\n", reason)
                   : fmt::format("variables [{}]: {}\n", who(ids, options), reason);
  }
}

nlohmann::ordered_json variables_to_json(const StackVariables& variables) {
  auto frames = nlohmann::ordered_json::array();
  for (const FrameVariables& frame : variables.frames) {
    nlohmann::ordered_json item;
    item["level"] = frame.level;
    item["arguments"] = list_to_json(frame.arguments);
    item["locals"] = list_to_json(frame.locals);
    frames.push_back(std::move(item));
  }
  return frames;
}

}  // namespace clew
