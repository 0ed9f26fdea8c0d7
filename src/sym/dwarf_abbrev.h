#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sym/dwarf_bytes.h"

namespace clew::sym {

/// What the size and the meaning of attribute values depend on: facts of a unit.
struct DwarfFormat {
  uint16_t version = 0;
  uint8_t offset_size = 4;   ///< 4 or 8: DWARF's 32- or 64-bit format
  uint8_t address_size = 8;  ///< 1 to 8

  friend bool operator==(const DwarfFormat&, const DwarfFormat&) = default;
};

/// Skips a value of a form (DWARF 5, 7.5.6). @return false when it runs out of bytes or the form is
/// not known, after which nothing that follows can be read.
bool skip_form(DwarfCursor& at, uint64_t form, const DwarfFormat& format);

/// @return the size of every value of a form, or -1 when values differ.
int fixed_form_size(uint64_t form, const DwarfFormat& format);

/// One declaration of .debug_abbrev, prepared for walking: runs of attributes whose sizes are fixed
/// are one step.
struct DwarfAbbrev {
  struct Attribute {
    uint16_t name = 0;      ///< DW_AT_…; 0 for those of more than 16 bits, which nobody asks for
    uint16_t form = 0;      ///< DW_FORM_…
    int32_t fixed_at = -1;  ///< where its value is from the first one; -1 when that differs
    int64_t implicit_value = 0;  ///< of DW_FORM_implicit_const
  };
  /// Skip `fixed` bytes, then a value of `form` (0 for none).
  struct Step {
    uint32_t fixed = 0;
    uint16_t form = 0;
  };

  uint64_t code = 0;
  uint32_t index = 0;  ///< in all() of its table
  uint16_t tag = 0;    ///< DW_TAG_…; 0xffff for those of more than 16 bits
  bool has_children = false;
  /// Of all values together; -1 when it differs from one DIE to another: then the steps say it.
  int32_t fixed_size = -1;
  uint32_t first_attribute = 0, attribute_count = 0;
  uint32_t first_step = 0, step_count = 0;
};

/// The abbreviations of a unit. Those of a broken table are the ones before the break.
class DwarfAbbrevTable {
 public:
  DwarfAbbrevTable() = default;
  /// `bytes` begin where the unit says and go on to the section's end.
  DwarfAbbrevTable(Bytes bytes, const DwarfFormat& format);

  /// nullptr when there is none with that code.
  const DwarfAbbrev* find(uint64_t code) const {
    if (code < by_code_.size()) {
      const uint32_t index = by_code_[code];
      return index != none ? &all_[index] : nullptr;
    }
    return sparse_.empty() ? nullptr : find_sparse(code);
  }
  std::span<const DwarfAbbrev::Attribute> attributes(const DwarfAbbrev& abbrev) const {
    return std::span(attributes_).subspan(abbrev.first_attribute, abbrev.attribute_count);
  }
  std::span<const DwarfAbbrev::Step> steps(const DwarfAbbrev& abbrev) const {
    return std::span(steps_).subspan(abbrev.first_step, abbrev.step_count);
  }
  std::span<const DwarfAbbrev> all() const { return all_; }

 private:
  const DwarfAbbrev* find_sparse(uint64_t code) const;
  void read_attributes(DwarfCursor& at, DwarfAbbrev& abbrev, const DwarfFormat& format);
  void number(const DwarfAbbrev& abbrev);

  static constexpr uint32_t none = 0xffffffff;

  std::vector<DwarfAbbrev> all_;
  std::vector<uint32_t> by_code_;  // compilers number them from 1
  std::vector<uint32_t> sparse_;   // of larger codes, sorted by them
  std::vector<DwarfAbbrev::Attribute> attributes_;
  std::vector<DwarfAbbrev::Step> steps_;
};

}  // namespace clew::sym
