#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "sym/dwarf_die.h"

namespace clew::sym {

/// Abstract instances of inlined functions, by their offsets.
struct InlinedOrigins {
  std::set<uint64_t> here;    ///< in the .debug_info that is searched
  std::set<uint64_t> in_alt;  ///< in that of the alt file

  bool empty() const { return here.empty() && in_alt.empty(); }
};

/// The DW_TAG_inlined_subroutine entries that are copies of these, as offsets in .debug_info, at
/// most `limit`. Looks only into units that can refer to them: their own, and those that refer to
/// other units at all (LTO, dwz).
std::vector<uint64_t> find_inlined_copies(const DwarfSections& sections,
                                          std::span<const DwarfUnit> units,
                                          const InlinedOrigins& origins, size_t limit);

}  // namespace clew::sym
