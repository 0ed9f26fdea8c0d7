#pragma once

#include <cstdint>
#include <vector>

#include "sym/dwarf_abbrev.h"
#include "sym/dwarf_sections.h"

namespace clew::sym {

/// The header of a unit (DWARF 5, 7.5.1). Offsets are in its section.
struct DwarfUnit {
  uint64_t offset = 0;
  uint64_t end = 0;        ///< behind its last byte
  uint64_t first_die = 0;  ///< where its first DIE is
  uint64_t abbrev_offset = 0;
  uint64_t str_offsets_start = 0;  ///< where its part of .debug_str_offsets begins, in a .dwp file
  uint64_t signature = 0;          ///< of a type unit
  uint64_t type_die = 0;           ///< of a type unit: where the type's DIE is
  DwarfFormat format;
  uint8_t type = 0;       ///< DW_UT_…; of earlier versions DW_UT_compile or DW_UT_type
  bool in_types = false;  ///< it stands in .debug_types (DWARF 4), not in .debug_info
};

/// The units of .debug_info and then those of .debug_types, in their order. Ends early where a
/// header makes no sense.
std::vector<DwarfUnit> read_dwarf_units(const DwarfSections& sections);

}  // namespace clew::sym
