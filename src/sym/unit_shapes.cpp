#include "sym/unit_shapes.h"

#include <dwarf.h>

#include <algorithm>

#include "sym/dwarf_data.h"

namespace clew::sym {

UnitShapes::UnitShapes(Bytes bytes, const DwarfFormat& unit_format)
    : format(unit_format), abbrevs(bytes, unit_format) {
  shapes.reserve(abbrevs.all().size());
  for (const DwarfAbbrev& abbrev : abbrevs.all()) {
    EntryShape shape;
    shape.tag = abbrev.tag;
    shape.has_children = abbrev.has_children;
    for (const DwarfAbbrev::Attribute& attribute : abbrevs.attributes(abbrev)) {
      if (attribute.name == DW_AT_low_pc || attribute.name == DW_AT_ranges) shape.has_code = true;
      if (attribute.name == DW_AT_declaration) shape.is_declaration = true;
    }
    shapes.push_back(shape);
    attribute_count += abbrev.attribute_count;
  }
}

std::shared_ptr<const UnitShapes> ShapeCache::shapes_of(const Dwarf_Die& unit) {
  Dwarf_Half version = 0;
  uint8_t address_size = 0;
  uint8_t offset_size = 0;
  Dwarf_Off offset = 0;
  Dwarf_Die first;
  if (dwarf_cu_die(unit.cu, &first, &version, &offset, &address_size, &offset_size, nullptr,
                   nullptr) == nullptr) {
    return nullptr;
  }
  Dwarf* const dwarf = dwarf_cu_getdwarf(unit.cu);
  auto [table, is_new] = tables_.try_emplace(dwarf);
  if (is_new) {
    table->second.bytes = dwarf_section(dwarf, ".debug_abbrev");
    // Each has two bytes at least.
    table->second.left = table->second.bytes.size();
  }
  if (offset >= table->second.bytes.size()) return nullptr;
  const DwarfFormat format{version, offset_size, address_size};
  auto& known = table->second.by_offset[offset];
  for (const auto& shapes : known) {
    if (shapes->format == format) return shapes;
  }
  if (table->second.left == 0) return nullptr;
  auto shapes = std::make_shared<const UnitShapes>(table->second.bytes.subspan(offset), format);
  const uint64_t size = shapes->shapes.size() + shapes->attribute_count + 1;
  table->second.left -= std::min(table->second.left, size);
  known.push_back(shapes);
  return shapes;
}

}  // namespace clew::sym
