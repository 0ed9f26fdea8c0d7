#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sym/dwarf_abbrev.h"

namespace clew::sym {

/// What a walk over a unit needs to know of the entries of one kind.
struct EntryShape {
  uint16_t tag = 0;
  bool has_children = false;
  bool has_code = false;        ///< has DW_AT_low_pc or DW_AT_ranges
  bool is_declaration = false;  ///< has DW_AT_declaration
};

/// The abbreviations of a unit, and what they mean for a walk.
struct UnitShapes {
  UnitShapes(Bytes bytes, const DwarfFormat& unit_format);

  DwarfFormat format;
  DwarfAbbrevTable abbrevs;
  std::vector<EntryShape> shapes;  ///< by DwarfAbbrev::index
  uint64_t attribute_count = 0;
};

/// The shapes of all units that were looked at. Units can share a table (dwz), which is read once.
class ShapeCache {
 public:
  /// @return nullptr when the unit's header makes no sense.
  std::shared_ptr<const UnitShapes> shapes_of(const Dwarf_Die& unit);

 private:
  struct Table {
    Bytes bytes;
    /// Abbreviations and attributes that may still be read. Tables do not overlap in well-formed
    /// data; in other data each unit could have one that is as long as the section.
    uint64_t left = 0;
    std::unordered_map<uint64_t, std::vector<std::shared_ptr<const UnitShapes>>> by_offset;
  };
  std::unordered_map<Dwarf*, Table> tables_;
};

}  // namespace clew::sym
