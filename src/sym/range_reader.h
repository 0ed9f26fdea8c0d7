#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <utility>

#include "sym/code_ranges.h"

namespace clew::sym {

/// Reads which ranges of code entries cover (DW_AT_low_pc, DW_AT_ranges), without those that the
/// linker has dropped, and only as many as there can be: in well-formed data each takes bytes of
/// its own, in other data every entry could have one list that is as long as its section.
class RangeReader {
 public:
  explicit RangeReader(CodeRanges code) : code_(std::move(code)) {}

  const CodeRanges& code() const { return code_; }

  /// Allows for the ranges of one more file's debug information.
  void allow(Dwarf* dwarf);

  /// Calls `visit(start, end)` in the order that the debug information has.
  template <typename Visit>
  void for_each(const Dwarf_Die& entry, Visit&& visit) {
    Dwarf_Die die = entry;
    Dwarf_Addr base = 0;
    Dwarf_Addr start = 0;
    Dwarf_Addr end = 0;
    for (ptrdiff_t offset = 0; left_ > 0; --left_) {
      offset = dwarf_ranges(&die, offset, &base, &start, &end);
      if (offset <= 0) return;
      if (start < end && code_.contains(start)) visit(uint64_t{start}, uint64_t{end});
    }
  }

 private:
  CodeRanges code_;
  uint64_t left_ = 0;
};

}  // namespace clew::sym
