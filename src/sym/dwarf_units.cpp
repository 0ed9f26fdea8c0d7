#include "sym/dwarf_units.h"

#include <dwarf.h>

namespace clew::sym {
namespace {

/// @return false when what stands there is no unit that can be read.
bool read_header(DwarfCursor& at, DwarfUnit& unit, const std::byte* section_start) {
  const auto here = [&] { return static_cast<uint64_t>(at.at() - section_start); };
  uint64_t length = at.u32();
  unit.format.offset_size = 4;
  if (length == 0xffffffff) {
    unit.format.offset_size = 8;
    length = at.u64();
  } else if (length >= 0xfffffff0) {
    return false;  // reserved (DWARF 5, 7.4)
  }
  if (!at.ok() || length > at.left()) return false;
  unit.end = here() + length;
  unit.format.version = at.u16();
  unit.type = unit.in_types ? DW_UT_type : DW_UT_compile;
  if (unit.format.version >= 5) {
    unit.type = at.u8();
    unit.format.address_size = at.u8();
    unit.abbrev_offset = at.offset(unit.format.offset_size);
  } else {
    unit.abbrev_offset = at.offset(unit.format.offset_size);
    unit.format.address_size = at.u8();
  }
  if (unit.type == DW_UT_type || unit.type == DW_UT_split_type) {
    unit.signature = at.u64();
    unit.type_die = unit.offset + at.offset(unit.format.offset_size);
  } else if (unit.type == DW_UT_skeleton || unit.type == DW_UT_split_compile) {
    at.u64();  // the id that ties skeleton and split unit together
  }
  unit.first_die = here();
  return at.ok() && unit.first_die <= unit.end;
}

void read_section(Bytes section, bool in_types, std::vector<DwarfUnit>& units) {
  uint64_t offset = 0;
  while (offset < section.size()) {
    DwarfCursor at(section.subspan(offset));
    DwarfUnit unit;
    unit.offset = offset;
    unit.in_types = in_types;
    if (!read_header(at, unit, section.data())) return;
    // Of a version yet to come only the length is known.
    const bool readable = unit.format.version >= 2 && unit.format.version <= 5 &&
                          unit.format.address_size >= 1 && unit.format.address_size <= 8;
    if (readable) units.push_back(unit);
    offset = unit.end;
  }
}

}  // namespace

std::vector<DwarfUnit> read_dwarf_units(const DwarfSections& sections) {
  std::vector<DwarfUnit> units;
  read_section(sections.info(), false, units);
  read_section(sections.types(), true, units);
  return units;
}

}  // namespace clew::sym
