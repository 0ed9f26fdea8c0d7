#pragma once

#include <cstdint>
#include <string_view>

#include "sym/dwarf_sections.h"

namespace clew::sym {

/// Where a name stands: a section and an offset in it, so that it need not be copied.
class NameRef {
 public:
  /// The alt_ ones are of the file that DwarfSections::alt() is.
  enum class Section : uint8_t { none, info, types, str, line_str, alt_info, alt_str };

  NameRef() = default;
  NameRef(Section section, uint64_t offset)
      : bits_(uint64_t{static_cast<uint8_t>(section)} << shift | (offset & mask)) {}
  static NameRef from_bits(uint64_t bits) {
    NameRef name;
    name.bits_ = bits;
    return name;
  }

  Section section() const { return static_cast<Section>(bits_ >> shift); }
  uint64_t offset() const { return bits_ & mask; }
  uint64_t bits() const { return bits_; }
  bool empty() const { return bits_ == 0; }
  friend bool operator==(NameRef, NameRef) = default;

 private:
  static constexpr unsigned shift = 56;
  static constexpr uint64_t mask = (uint64_t{1} << shift) - 1;
  uint64_t bits_ = 0;
};

/// The text that a NameRef means; empty when it points nowhere.
std::string_view text_of(const DwarfSections& sections, NameRef name);

/// The part of a DW_AT_name by which it is looked up: without template arguments, and for Go
/// (`language` DW_LANG_Go) without the package and the receiver.
std::string_view base_name(std::string_view name, int language);

/// A hash that stays the same from one run, and one version, to the next.
uint32_t hash_name(std::string_view base);

}  // namespace clew::sym
