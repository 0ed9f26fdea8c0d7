#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "stack/dwarf_expression.h"

namespace clew::value {

/// What the entry's unit has that its expressions and lists need.
struct UnitFacts {
  explicit UnitFacts(const Dwarf_Die& die);

  Dwarf* dwarf = nullptr;  ///< the file that the unit is in: the module's, or a .dwo
  Dwarf_Die unit{};
  /// The one whose addresses it uses: the unit itself, or its skeleton in the program.
  Dwarf_Die address_unit{};
  uint64_t offset = 0;  ///< of the unit in its section
  uint8_t version = 5;
  uint8_t offset_size = 4;
  uint64_t low_pc = 0;
  bool is_split = false;

  /// Entry `index` of the unit's part of .debug_addr. @return bad_data.
  Result<uint64_t> address_at(uint64_t index) const;
};

/// One way to find something, and for which addresses of code it is good.
struct LocationEntry {
  uint64_t start = 0, end = 0;  ///< of the debug information; [0, UINT64_MAX) is everywhere
  stack::Expression expression;
};

/// A location attribute (DW_AT_location, DW_AT_frame_base) as a list: one entry for an expression,
/// several for a location list (DWARF 5, 2.6.2 and 7.7.3; DWARF 4, 2.6.2). Bounded. Called under
/// the module's lock; the bytes live as long as the module. @return bad_data.
Result<std::vector<LocationEntry>> location_entries(const Dwarf_Attribute& attribute,
                                                    const UnitFacts& unit);

}  // namespace clew::value
