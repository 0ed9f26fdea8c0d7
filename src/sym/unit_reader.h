#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sym/byte_reader.h"

namespace clew::sym {

/// What a debugging information entry of one kind looks like (DWARF 5, 7.5.3), as far as a fast
/// walk needs it.
struct EntryShape {
  uint16_t tag = 0;
  bool has_children = false;
  bool has_code = false;        ///< has DW_AT_low_pc or DW_AT_ranges
  bool is_declaration = false;  ///< has DW_AT_declaration
  int64_t fixed_size = -1;      ///< of all attributes together; -1 when it depends on the entry
  std::vector<uint16_t> forms;  ///< when fixed_size is -1
};

/// Walks over the entries of one unit many times faster than entry by entry through libdw, for
/// those who look for few of them. Entries are given by address, as in Dwarf_Die::addr.
///
/// The unit must come from libdw and stay valid for as long as this does.
class UnitReader {
 public:
  explicit UnitReader(const Dwarf_Die& unit);

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
    ByteReader reader(Bytes(start, end_));
    size_t depth = 0;
    size_t silent = 0;  // from this depth on; 0 is never
    do {
      const std::byte* const address = reader.position();
      const uint64_t code = reader.uleb();
      if (reader.failed()) return;
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
      const EntryShape* const shape = find_shape(code);
      if (shape == nullptr) return;
      bool inside = false;
      if (silent == 0) inside = enter(address, *shape);
      skip_attributes(*shape, reader);
      if (!shape->has_children) continue;
      if (silent == 0 && !inside) silent = depth + 1;
      ++depth;
    } while (depth > 0 && !reader.at_end());
  }

 private:
  void read_shapes();
  void add_shape(uint64_t code, EntryShape shape);
  const EntryShape* find_shape(uint64_t code) const;
  void skip_attributes(const EntryShape& shape, ByteReader& reader) const;
  void skip_form(uint64_t form, ByteReader& reader) const;
  /// @return -1 when it depends on the value.
  int fixed_size(uint64_t form) const;

  Dwarf_Die unit_{};
  const std::byte* begin_ = nullptr;  // the unit's own entry
  const std::byte* end_ = nullptr;
  unsigned version_ = 0;
  unsigned address_size_ = 8;
  unsigned offset_size_ = 4;
  std::vector<EntryShape> shapes_;  // by code, from 1
  std::unordered_map<uint64_t, EntryShape> sparse_shapes_;
};

}  // namespace clew::sym
