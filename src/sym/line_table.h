#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sym/code_ranges.h"
#include "sym/interval_map.h"
#include "sym/line_header.h"

namespace clew::sym {

/// One row of the line number matrix (DWARF 5, 6.2.2).
struct LineRow {
  uint64_t address = 0;
  uint32_t file = 0;
  uint32_t line = 0;
  uint16_t column = 0;  ///< 0 as well when it does not fit
  bool is_statement = false;
  bool is_prologue_end = false;
};

/// The line number matrix of one program. Sequences of code that the linker has dropped are left
/// out.
class LineTable {
 public:
  LineTable(const LineSections& sections, uint64_t offset, std::string compilation_directory,
            const CodeRanges& code);

  const LineHeader& header() const { return header_; }
  /// The path of a file by its number in this table; empty when there is none.
  std::string path(uint64_t file) const { return header_.path(file, compilation_directory_); }

  /// All rows, sequence after sequence; in each they are by address.
  const std::vector<LineRow>& rows() const { return rows_; }
  /// @return where the code of a row ends: at the address of the next row of its sequence that has
  /// another one.
  uint64_t end_of(size_t row) const;
  /// The row that tells the line of an address: where several have the same address, the last one
  /// that is a statement. @return rows().size() when there is none.
  size_t find(uint64_t address) const;
  /// The rows [first, last) of the sequence that covers an address, empty when none does.
  struct Span {
    size_t first = 0, last = 0;
  };
  Span sequence_at(uint64_t address) const;

 private:
  struct Sequence {
    size_t first = 0, last = 0;  // rows
    uint64_t end = 0;            // address behind the last one's code
    friend bool operator==(const Sequence&, const Sequence&) = default;
  };
  class Machine;

  const Sequence* sequence_of(size_t row) const;

  std::string compilation_directory_;
  LineHeader header_;
  std::vector<LineRow> rows_;
  std::vector<Sequence> sequences_;  // by rows
  IntervalMap<uint32_t> sequence_at_;
};

}  // namespace clew::sym
