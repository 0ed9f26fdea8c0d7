#include "sym/line_table.h"

#include <dwarf.h>

#include <algorithm>
#include <limits>

namespace clew::sym {

/// The state machine that a line number program is written for (DWARF 5, 6.2.5).
class LineTable::Machine {
 public:
  Machine(LineTable& table, const CodeRanges& code)
      : table_(table), header_(table.header_), code_(code), program_(header_.program()) {
    reset();
  }

  void run() {
    while (!program_.at_end()) {
      const unsigned opcode = program_.u8();
      if (opcode >= header_.opcode_base()) {
        special(opcode - header_.opcode_base());
      } else if (opcode == 0) {
        extended();
      } else {
        standard(opcode);
      }
    }
    // What is not ended is cut short.
    table_.rows_.resize(first_);
  }

 private:
  void reset() {
    row_ = {};
    row_.file = 1;
    row_.line = 1;
    row_.is_statement = header_.default_is_statement();
  }

  void advance(uint64_t operations) {
    row_.address += operations * header_.minimum_instruction_length();
  }

  void add_row() {
    table_.rows_.push_back(row_);
    row_.is_prologue_end = false;
  }

  void special(unsigned adjusted) {
    advance(adjusted / header_.line_range());
    row_.line += static_cast<uint32_t>(header_.line_base() +
                                       static_cast<int>(adjusted % header_.line_range()));
    add_row();
  }

  void standard(unsigned opcode) {
    switch (opcode) {
      case DW_LNS_copy:
        add_row();
        break;
      case DW_LNS_advance_pc:
        advance(program_.uleb());
        break;
      case DW_LNS_advance_line:
        row_.line += static_cast<uint32_t>(program_.sleb());
        break;
      case DW_LNS_set_file:
        row_.file = static_cast<uint32_t>(
            std::min<uint64_t>(program_.uleb(), std::numeric_limits<uint32_t>::max()));
        break;
      case DW_LNS_set_column: {
        const uint64_t column = program_.uleb();
        row_.column = column > std::numeric_limits<uint16_t>::max() ? uint16_t{0}
                                                                    : static_cast<uint16_t>(column);
        break;
      }
      case DW_LNS_negate_stmt:
        row_.is_statement = !row_.is_statement;
        break;
      case DW_LNS_const_add_pc:
        advance((255 - header_.opcode_base()) / header_.line_range());
        break;
      case DW_LNS_fixed_advance_pc:
        row_.address += program_.u16();
        break;
      case DW_LNS_set_prologue_end:
        row_.is_prologue_end = true;
        break;
      default:
        for (unsigned i = 0; i < header_.operand_count(opcode); ++i) program_.uleb();
    }
  }

  void extended() {
    DwarfCursor operands(program_.bytes(program_.uleb()));
    switch (operands.u8()) {
      case DW_LNE_end_sequence:
        if (operands.ok()) end_sequence();
        break;
      case DW_LNE_set_address:
        row_.address = operands.offset(operands.left() >= 8 ? 8 : 4);
        break;
      default:  // discriminators, files that are defined late (not used by any compiler)
        break;
    }
  }

  void end_sequence() {
    std::vector<LineRow>& rows = table_.rows_;
    const auto begin = rows.begin() + static_cast<ptrdiff_t>(first_);
    const auto by_address = [](const LineRow& a, const LineRow& b) {
      return a.address < b.address;
    };
    // Assembly can go back and forth in what should only increase.
    if (!std::is_sorted(begin, rows.end(), by_address))
      std::stable_sort(begin, rows.end(), by_address);
    if (begin == rows.end() || begin->address >= row_.address || !code_.contains(begin->address)) {
      rows.resize(first_);
    } else {
      table_.sequences_.push_back({first_, rows.size(), row_.address});
      first_ = rows.size();
    }
    reset();
  }

  LineTable& table_;
  const LineHeader& header_;
  const CodeRanges& code_;
  DwarfCursor program_;
  LineRow row_;
  size_t first_ = 0;  // row of this sequence
};

LineTable::LineTable(const LineSections& sections, uint64_t offset,
                     std::string compilation_directory, const CodeRanges& code)
    : compilation_directory_(std::move(compilation_directory)), header_(sections, offset) {
  if (!header_.valid()) return;
  // Rows take two bytes and more. What is reserved beyond them is never touched, and costs nothing;
  // to grow, and to be cut to size, would copy them.
  constexpr uint64_t most_reserved = 1 << 20;
  rows_.reserve(std::min(header_.program_size() / 2, most_reserved));
  Machine(*this, code).run();
  std::vector<IntervalMap<uint32_t>::Item> items;
  for (const Sequence& sequence : sequences_) {
    items.push_back(
        {rows_[sequence.first].address, sequence.end, static_cast<uint32_t>(items.size())});
  }
  sequence_at_ = IntervalMap<uint32_t>(std::move(items));
}

const LineTable::Sequence* LineTable::sequence_of(size_t row) const {
  const auto after = std::upper_bound(sequences_.begin(), sequences_.end(), row,
                                      [](size_t r, const Sequence& s) { return r < s.first; });
  return after == sequences_.begin() ? nullptr : &*(after - 1);
}

uint64_t LineTable::end_of(size_t row) const {
  const Sequence* const sequence = sequence_of(row);
  if (sequence == nullptr || row >= sequence->last) return 0;
  const auto end = rows_.begin() + static_cast<ptrdiff_t>(sequence->last);
  const auto next =
      std::upper_bound(rows_.begin() + static_cast<ptrdiff_t>(row), end, rows_[row].address,
                       [](uint64_t address, const LineRow& r) { return address < r.address; });
  return next == end ? sequence->end : next->address;
}

LineTable::Span LineTable::sequence_at(uint64_t address) const {
  const auto* const piece = sequence_at_.find(address);
  if (piece == nullptr) return {};
  return {sequences_[piece->value].first, sequences_[piece->value].last};
}

size_t LineTable::find(uint64_t address) const {
  const Span span = sequence_at(address);
  const auto first = rows_.begin() + static_cast<ptrdiff_t>(span.first);
  const auto last = rows_.begin() + static_cast<ptrdiff_t>(span.last);
  const auto after = std::upper_bound(
      first, last, address, [](uint64_t a, const LineRow& row) { return a < row.address; });
  if (after == first) return rows_.size();
  auto best = after - 1;
  for (auto row = best; !row->is_statement;) {
    if (row == first || (row - 1)->address != best->address) break;
    --row;
    if (row->is_statement) best = row;
  }
  return static_cast<size_t>(best - rows_.begin());
}

}  // namespace clew::sym
