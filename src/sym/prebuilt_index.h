#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "sym/dwarf_units.h"
#include "sym/name_query.h"

namespace clew::sym {

/// An index of names that the compiler or the linker has put into the file: .debug_names (DWARF 5,
/// 6.1) or .gdb_index (gdb's manual, "Index Section Format"). It says which units may define
/// functions of a name, so that only these are scanned. What it says is checked by that scan; what
/// makes no sense in it makes it useless, never wrong: a unit that it does not cover is always one
/// of those to scan.
class PrebuiltIndex {
 public:
  virtual ~PrebuiltIndex() = default;

  /// @return nullptr when the file has none, or none that makes sense or covers most of `units`.
  /// Views into `image` and `sections`, which must live as long.
  static std::unique_ptr<PrebuiltIndex> read(const ElfImage& image, const DwarfSections& sections,
                                             std::span<const DwarfUnit> units);

  /// The units that can define functions of that name, as indexes into the units it was read with.
  std::set<uint32_t> units_of(const NameQuery& query) const;

 protected:
  /// Adds the units that list a name whose last part may be the one that is asked for.
  virtual void add_units(const NameQuery& query, std::set<uint32_t>& found) const = 0;

  std::vector<uint32_t> uncovered_;
};

}  // namespace clew::sym
