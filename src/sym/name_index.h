#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/work_control.h"
#include "sym/dwarf_scan.h"

namespace clew::sym {

/// Every name that the debug information of one file defines, with the place of its DIE. Immutable.
/// It holds no text: names are read from the file's sections, which must be the ones that it was
/// made from.
class NameIndex {
 public:
  /// A unit, and which of the names are its own: from `first_name` to that of the next. Written to
  /// disk as it is.
  struct Unit {
    uint64_t offset = 0;
    uint32_t first_name = 0;
    uint16_t language = 0;
    uint16_t flags = 0;

    static constexpr uint16_t is_in_types = 1;
    static constexpr uint16_t is_broken = 2;
  };

  NameIndex() = default;
  NameIndex(NameIndex&&) noexcept = default;
  NameIndex& operator=(NameIndex&&) noexcept = default;

  /// Scans the units `wanted` of `units`, which are all of the sections, with `threads` threads,
  /// each unit by one; for `names` alone when these are given. @return cancelled.
  static Result<NameIndex> scan(const DwarfSections& sections, std::span<const DwarfUnit> units,
                                std::span<const DwarfUnit> wanted,
                                std::span<const DwarfUnit> alt_units, unsigned threads,
                                WorkControl& control, const WantedNames& names = {});
  /// Views into memory that `memory` keeps.
  NameIndex(std::span<const NameRecord> names, std::span<const ScopeRecord> scopes,
            std::span<const Unit> units, std::shared_ptr<const void> memory)
      : memory_(std::move(memory)), names_(names), scopes_(scopes), units_(units) {}

  std::span<const NameRecord> names() const { return names_; }
  std::span<const ScopeRecord> scopes() const { return scopes_; }
  std::span<const Unit> units() const { return units_; }

  /// The unit of a name by the name's index; nullptr only when the index is broken.
  const Unit* unit_of(size_t name) const;
  /// The scope of a name or of a scope by its number; nullptr when there is none or the number is
  /// wrong.
  const ScopeRecord* scope(uint32_t number) const {
    return number < scopes_.size() ? &scopes_[number] : nullptr;
  }
  /// The one around scope `number`. Always a smaller number, so that a walk outwards ends.
  uint32_t parent_of(uint32_t number) const {
    const ScopeRecord* const record = scope(number);
    return record != nullptr && record->parent < number ? record->parent : no_scope;
  }

  /// How many units end early because they make no sense.
  size_t broken_units() const;

 private:
  class Builder;

  std::vector<NameRecord> own_names_;
  std::vector<ScopeRecord> own_scopes_;
  std::vector<Unit> own_units_;
  std::shared_ptr<const void> memory_;
  std::span<const NameRecord> names_;
  std::span<const ScopeRecord> scopes_;
  std::span<const Unit> units_;
};

/// @return the name with its scopes as its language writes it: "ns::Type::f"; what has no name is
/// "(anonymous namespace)" and the like.
std::string full_name(const DwarfSections& sections, const NameIndex& index,
                      const NameRecord& name);

}  // namespace clew::sym
