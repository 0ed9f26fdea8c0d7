#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sym/dwarf_abbrev.h"
#include "sym/dwarf_names.h"
#include "sym/dwarf_units.h"

namespace clew::sym {

/// What the DIEs of one abbreviation are to a search for names.
enum class DieRole : uint8_t {
  ignore,
  function,
  variable,
  type,
  name_space,
  enumerator,
  body  ///< a part of a function or type: may contain named things
};

/// An abbreviation, looked through once for the attributes that a search for names needs. Indexes
/// are into the abbreviation's attributes, -1 when it has none.
struct DieRecipe {
  DieRole role = DieRole::ignore;
  bool may_skip_children = false;  ///< nothing that is looked for can be below
  bool is_scope = false;
  bool is_declaration = false;
  bool has_code = false;
  bool has_constant = false;
  bool may_be_left_out = false;  ///< an inline namespace or plain enum, whose names are its scope's
  int16_t name = -1;
  int16_t reference = -1;  ///< DW_AT_specification or DW_AT_abstract_origin
  int16_t signature = -1;  ///< DW_AT_signature: the type stands in a unit of its own
  int16_t sibling = -1;
  int16_t location = -1;
  int16_t declaration = -1;
  int16_t inlined = -1;
};

/// The abbreviations of a unit with their recipes. Immutable.
struct DiePlan {
  DiePlan(Bytes bytes, const DwarfFormat& format);

  const DieRecipe& recipe(const DwarfAbbrev& abbrev) const { return recipes[abbrev.index]; }

  DwarfAbbrevTable abbrevs;
  std::vector<DieRecipe> recipes;  // as abbrevs.all()
};

/// A DIE that has been found: its abbreviation and where its values begin.
struct DiePlace {
  uint64_t offset = 0;
  const DwarfAbbrev* abbrev = nullptr;
  const std::byte* values = nullptr;
};

/// A value of an attribute, with DW_FORM_indirect resolved.
struct DieValue {
  DwarfCursor at;
  uint64_t form = 0;
  int64_t implicit = 0;
};

/// Where a DIE refers to.
struct DieReference {
  uint64_t offset = 0;
  bool in_alt = false;  ///< in the .debug_info of the file that dwz has made
};

/// One unit, ready to have its DIEs read. Cheap to copy.
class DieReader {
 public:
  DieReader(const DwarfSections& sections, const DwarfUnit& unit,
            std::shared_ptr<const DiePlan> plan);

  const DwarfUnit& unit() const { return *unit_; }
  const DiePlan& plan() const { return *plan_; }
  /// DW_LANG_…; 0 when the unit does not say.
  uint16_t language() const { return language_; }
  Bytes section() const { return section_; }
  const std::byte* end() const { return section_.data() + unit_->end; }

  uint64_t offset_of(const std::byte* at) const {
    return static_cast<uint64_t>(at - section_.data());
  }
  DwarfCursor cursor_at(uint64_t offset) const { return {section_.data() + offset, end()}; }

  /// nullopt when no DIE can begin there.
  std::optional<DiePlace> die_at(uint64_t offset) const;
  /// Moves behind the values of a DIE. @return false when they are broken.
  bool skip_values(const DwarfAbbrev& abbrev, DwarfCursor& at) const {
    if (abbrev.fixed_size >= 0) return at.skip(static_cast<uint64_t>(abbrev.fixed_size));
    return skip_steps(abbrev, at);
  }

  /// By the attribute's index, as in DieRecipe; nullopt for -1 and when it cannot be read.
  std::optional<DieValue> value(const DiePlace& die, int index) const;
  uint64_t constant(const DieValue& value) const;
  bool flag(const DiePlace& die, int index) const;
  NameRef name(const DieValue& value) const;
  std::optional<DieReference> reference(const DieValue& value) const;
  /// The signature of a type unit.
  std::optional<uint64_t> signature(const DieValue& value) const;
  /// True when the location is one that holds everywhere: an address or thread-local storage.
  bool is_fixed_place(const DieValue& location) const;

 private:
  bool skip_steps(const DwarfAbbrev& abbrev, DwarfCursor& at) const;
  NameRef indexed_name(uint64_t index) const;

  const DwarfSections* sections_;
  const DwarfUnit* unit_;
  std::shared_ptr<const DiePlan> plan_;
  Bytes section_;
  uint64_t str_offsets_base_ = 0;
  uint16_t language_ = 0;
};

/// Opens the units of one file for reading, keeping the abbreviations that several share. For one
/// thread.
class DieReaders {
 public:
  /// `units` are those of `sections`; both must outlive it.
  DieReaders(const DwarfSections& sections, std::span<const DwarfUnit> units)
      : sections_(sections), units_(units) {}

  const DwarfSections& sections() const { return sections_; }
  DieReader open(const DwarfUnit& unit);
  /// The unit of .debug_info that an offset lies in; nullptr when there is none.
  const DwarfUnit* unit_at(uint64_t offset) const;
  /// The type unit of a signature (DWARF 5, 3.1.4); nullptr when there is none.
  const DwarfUnit* type_unit(uint64_t signature);

 private:
  using Key = std::tuple<uint64_t, uint16_t, uint8_t, uint8_t>;

  const DwarfSections& sections_;
  std::span<const DwarfUnit> units_;
  std::map<Key, std::shared_ptr<const DiePlan>> plans_;
  std::unordered_map<uint64_t, const DwarfUnit*> type_units_;  // filled when it is first needed
  bool knows_type_units_ = false;
};

}  // namespace clew::sym
