#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace clew::sym {

/// A split unit of DWARF 5: the sections that it is in, and its id.
struct SplitUnit {
  Bytes info, abbrev;
  uint64_t id = 0;
};

/// Makes a unit that is complete without its skeleton: copies of the sections in which the unit is
/// an ordinary compile unit whose base address (DW_AT_low_pc) is number `base_index` of the address
/// table. All that refers into the unit stays right, since nothing in it moves: the new attribute
/// takes the room of the id. @return false when the unit is not there or makes no sense.
bool make_whole_unit(const SplitUnit& unit, uint64_t base_index, std::vector<std::byte>& info,
                     std::vector<std::byte>& abbrev);

/// The addresses of one unit in .debug_addr, from its base on (DWARF 5, 7.27).
Bytes addresses_of_unit(Bytes debug_addr, uint64_t base);

/// Range lists of DWARF 4 (7.23) made absolute: `base` is what they count from.
std::vector<std::byte> add_to_ranges(Bytes ranges, uint64_t base);

}  // namespace clew::sym
