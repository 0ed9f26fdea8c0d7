#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>

#include "sym/dwarf_bytes.h"
#include "sym/unit_shapes.h"

namespace clew::sym {

/// Walks over the entries of one unit many times faster than entry by entry through libdw, for
/// those who look for few of them. Entries are given by address, as in Dwarf_Die::addr.
///
/// The unit must come from libdw and stay valid for as long as this does.
class UnitReader {
 public:
  /// `shapes` are those of the unit; nullptr makes a reader that is not valid.
  UnitReader(const Dwarf_Die& unit, std::shared_ptr<const UnitShapes> shapes);

  /// False when the unit's header or abbreviations make no sense: then there are no entries.
  bool valid() const { return end_ != nullptr; }
  const std::byte* begin() const { return begin_; }

  /// The entry at `address` as libdw has it.
  Dwarf_Die entry(const std::byte* address) const;

  /// Calls `enter(address, shape)` for the entry at `start` and for all below it, parents first,
  /// and `leave()` behind the last child of each that has children. `enter` returns whether the
  /// children are of interest; those that are not are passed over without a call.
  template <typename Enter, typename Leave>
  void walk(const std::byte* start, Enter&& enter, Leave&& leave) const {
    if (!valid() || start < begin_ || start >= end_) return;
    DwarfCursor cursor(start, end_);
    size_t depth = 0;
    size_t silent = 0;  // from this depth on; 0 is never
    do {
      const std::byte* const address = cursor.at();
      const uint64_t code = cursor.uleb();
      if (!cursor.ok()) return;
      if (code == 0) {
        if (depth == 0) return;
        --depth;
        if (silent == 0) {
          leave();
        } else if (silent > depth) {
          silent = 0;
        }
        continue;
      }
      const DwarfAbbrev* const abbrev = shapes_->abbrevs.find(code);
      if (abbrev == nullptr) return;
      const EntryShape& shape = shapes_->shapes[abbrev->index];
      const bool inside = silent == 0 && enter(address, shape);
      if (!skip(*abbrev, cursor)) return;
      if (!shape.has_children) continue;
      if (silent == 0 && !inside) silent = depth + 1;
      ++depth;
    } while (depth > 0 && !cursor.at_end());
  }

 private:
  bool skip(const DwarfAbbrev& abbrev, DwarfCursor& cursor) const {
    if (abbrev.fixed_size >= 0) return cursor.skip(static_cast<uint64_t>(abbrev.fixed_size));
    for (const DwarfAbbrev::Step& step : shapes_->abbrevs.steps(abbrev)) {
      if (!cursor.skip(step.fixed)) return false;
      if (step.form != 0 && !skip_form(cursor, step.form, shapes_->format)) return false;
    }
    return true;
  }

  Dwarf_Die unit_{};
  std::shared_ptr<const UnitShapes> shapes_;
  const std::byte* begin_ = nullptr;  // the unit's own entry
  const std::byte* end_ = nullptr;
};

}  // namespace clew::sym
