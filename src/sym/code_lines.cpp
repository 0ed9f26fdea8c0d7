// Lines of addresses and addresses of lines.

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "sym/code.h"
#include "sym/code_tables.h"
#include "sym/go_table.h"
#include "sym/source_path.h"

namespace clew::sym {
namespace {

LineRange range_of(const LineTable& table, size_t index, uint64_t bias) {
  const LineRow& row = table.rows()[index];
  LineRange range;
  range.start = row.address + bias;
  range.end = table.end_of(index) + bias;
  range.line = {table.path(row.file), row.line, row.column};
  range.is_statement = row.is_statement;
  range.is_prologue_end = row.is_prologue_end;
  return range;
}

/// The rows of one file's lines in every table that names it.
class LineSearch {
 public:
  LineSearch(CodeTables& tables, const std::string& file) : file_(normal_path(file)) {
    for (const LineTable* const table : tables.lines_with_file(last_part(file_))) {
      FilesOfTable files{table, {}};
      const LineHeader& header = table->header();
      for (uint64_t i = header.first_file(); i < header.file_count(); ++i) {
        if (path_ends_with(normal_path(table->path(i)), file_))
          files.numbers.push_back(static_cast<uint32_t>(i));
      }
      if (!files.numbers.empty()) files_.push_back(std::move(files));
    }
  }

  /// The first line from `line` on that has code; 0 when none has.
  unsigned nearest(unsigned line) const {
    unsigned best = 0;
    for_each_row([&](const LineTable&, size_t, const LineRow& row) {
      if (row.line >= line && row.line != 0 && (best == 0 || row.line < best)) best = row.line;
    });
    return best;
  }

  std::vector<LineRange> rows_of(unsigned line, uint64_t bias) const {
    std::vector<LineRange> ranges;
    for_each_row([&](const LineTable& table, size_t index, const LineRow& row) {
      if (row.line == line) ranges.push_back(range_of(table, index, bias));
    });
    const auto is_statement = [](const LineRange& range) { return range.is_statement; };
    if (std::any_of(ranges.begin(), ranges.end(), is_statement))
      std::erase_if(ranges, [&](const LineRange& range) { return !is_statement(range); });
    std::stable_sort(ranges.begin(), ranges.end(),
                     [](const LineRange& a, const LineRange& b) { return a.start < b.start; });
    return ranges;
  }

 private:
  struct FilesOfTable {
    const LineTable* table;
    std::vector<uint32_t> numbers;
  };

  template <typename Visit>
  void for_each_row(Visit&& visit) const {
    for (const FilesOfTable& files : files_) {
      const std::vector<LineRow>& rows = files.table->rows();
      for (size_t i = 0; i < rows.size(); ++i) {
        if (std::find(files.numbers.begin(), files.numbers.end(), rows[i].file) !=
            files.numbers.end()) {
          visit(*files.table, i, rows[i]);
        }
      }
    }
  }

  std::string file_;
  std::vector<FilesOfTable> files_;
};

/// Of a program in Go without debug information.
std::optional<LineRange> go_line_range(const Module& module, uint64_t address) {
  const GoTable* const table = go_table(module);
  const auto row = table == nullptr ? std::nullopt : table->row(address);
  if (!row) return std::nullopt;
  LineRange range;
  range.start = row->start;
  range.end = row->end;
  range.line = {std::string(row->file), row->line, 0};
  range.is_statement = true;
  return range;
}

/// The same the other way round.
LineCode go_code_of_line(const GoTable& table, const std::string& wanted, unsigned line) {
  const std::string file = normal_path(wanted);
  // Names of files are kept once each, so that they are known by where they are.
  std::unordered_map<const char*, bool> is_wanted;
  unsigned nearest = 0;
  LineCode code;
  for (const GoTable::Function& function : table.functions()) {
    for (const GoTable::Row& row : table.rows(function)) {
      if (row.line < line || row.file.empty() || (nearest != 0 && row.line > nearest)) continue;
      const auto [known, is_new] = is_wanted.try_emplace(row.file.data(), false);
      if (is_new) known->second = path_ends_with(normal_path(std::string(row.file)), file);
      if (!known->second) continue;
      if (row.line != nearest) code.ranges.clear();
      nearest = row.line;
      code.ranges.push_back(
          {row.start, row.end, {std::string(row.file), row.line, 0}, true, false});
    }
  }
  code.exact = nearest == line;
  return code;
}

}  // namespace

std::optional<LineRange> line_range_at(const Module& module, uint64_t address) {
  const auto lock = module.lock();
  CodeTables& tables = module.code_tables();
  const uint64_t bias = module.debug_bias();
  const UnitCode* const unit = tables.unit_at(address - bias);
  if (unit == nullptr) return go_line_range(module, address);
  const LineTable* const table = tables.lines_of(unit->unit());
  if (table == nullptr) return std::nullopt;
  const size_t row = table->find(address - bias);
  if (row == table->rows().size()) return std::nullopt;
  return range_of(*table, row, bias);
}

std::optional<SourceLine> line_at(const Module& module, uint64_t address) {
  auto range = line_range_at(module, address);
  if (!range) return std::nullopt;
  return std::move(range->line);
}

LineCode code_of_line(const Module& module, const std::string& file, unsigned line) {
  LineCode code;
  if (line == 0) return code;
  const auto lock = module.lock();
  const LineSearch search(module.code_tables(), file);
  const unsigned nearest = search.nearest(line);
  if (nearest == 0) {
    // A program in Go without debug information. In one that has some, a line without code has
    // none.
    const GoTable* const table =
        module.code_tables().units().empty() ? module.code_tables().go_table() : nullptr;
    return table == nullptr ? code : go_code_of_line(*table, file, line);
  }
  code.exact = nearest == line;
  code.ranges = search.rows_of(nearest, module.debug_bias());
  return code;
}

uint64_t after_prologue(const Module& module, uint64_t entry) {
  const auto lock = module.lock();
  CodeTables& tables = module.code_tables();
  const uint64_t bias = module.debug_bias();
  const uint64_t start = entry - bias;
  const UnitCode* const unit = tables.unit_at(start);
  UnitCode::Piece piece;
  if (unit == nullptr) {
    const GoTable* const go = tables.go_table();
    const GoTable::Function* const function = go == nullptr ? nullptr : go->find(entry);
    return function == nullptr || function->start != entry ? entry
                                                           : go->behind_stack_check(*function);
  }
  if (!unit->find_piece(start, piece)) return entry;
  const LineTable* const table = tables.lines_of(unit->unit());
  if (table == nullptr) return entry;
  const LineTable::Span span = table->sequence_at(start);
  const std::vector<LineRow>& rows = table->rows();
  const LineRow* second = nullptr;
  unsigned lines_at_entry = 0;
  for (size_t i = span.first; i < span.last && rows[i].address < piece.end; ++i) {
    const LineRow& row = rows[i];
    if (row.address < start) continue;
    if (row.is_prologue_end) return row.address + bias;
    if (row.address == start) {
      ++lines_at_entry;
    } else if (second == nullptr && row.line != 0 && row.is_statement) {
      second = &row;
    }
  }
  // Two rows at the entry: the prologue is empty, as in optimised code.
  return second == nullptr || lines_at_entry > 1 ? entry : second->address + bias;
}

}  // namespace clew::sym
