#include "sym/dwarf_package.h"

#include "sym/dwarf_bytes.h"

namespace clew::sym {
namespace {

/// DW_SECT_ numbers: DWARF 5, 7.3.5.3, table 7.1; version 2 as the GNU tools have it.
Bytes SplitSections::*section_of(unsigned version, uint32_t id) {
  const bool is_new = version >= 5;
  switch (id) {
    case 1:
      return &SplitSections::info;
    case 2:
      return is_new ? nullptr : &SplitSections::types;
    case 3:
      return &SplitSections::abbrev;
    case 4:
      return &SplitSections::line;
    case 5:
      return is_new ? &SplitSections::loclists : &SplitSections::loc;
    case 6:
      return &SplitSections::str_offsets;
    case 7:
      return is_new ? &SplitSections::macro : &SplitSections::macinfo;
    case 8:
      return is_new ? &SplitSections::rnglists : &SplitSections::macro;
    default:
      return nullptr;
  }
}

uint32_t word_at(Bytes words, uint64_t index) {
  return DwarfCursor(words.subspan(index * sizeof(uint32_t))).u32();
}

}  // namespace

SplitSections split_sections_of_file(const ElfImage& image,
                                     std::vector<std::vector<std::byte>>& storage) {
  const auto bytes = [&](std::string_view name) {
    Bytes first;
    std::vector<std::byte> joined;
    for (const ElfImage::Section& section : image.sections()) {
      if (section.name != name) continue;
      const Bytes next = image.raw(section);
      if (first.empty()) {
        first = next;
        continue;
      }
      if (joined.empty()) joined.assign(first.begin(), first.end());
      joined.insert(joined.end(), next.begin(), next.end());
    }
    if (joined.empty()) return first;
    storage.push_back(std::move(joined));
    return Bytes(storage.back());
  };
  SplitSections sections;
  sections.info = bytes(".debug_info.dwo");
  sections.types = bytes(".debug_types.dwo");
  sections.abbrev = bytes(".debug_abbrev.dwo");
  sections.line = bytes(".debug_line.dwo");
  sections.loc = bytes(".debug_loc.dwo");
  sections.loclists = bytes(".debug_loclists.dwo");
  sections.str_offsets = bytes(".debug_str_offsets.dwo");
  sections.str = bytes(".debug_str.dwo");
  sections.rnglists = bytes(".debug_rnglists.dwo");
  sections.macro = bytes(".debug_macro.dwo");
  sections.macinfo = bytes(".debug_macinfo.dwo");
  return sections;
}

std::optional<DwarfPackage> DwarfPackage::read(const ElfImage& image) {
  const ElfImage::Section* const section = image.find_section(".debug_cu_index");
  if (section == nullptr) return std::nullopt;
  DwarfPackage package;
  package.whole_ = split_sections_of_file(image, package.storage_);
  DwarfCursor reader(image.raw(*section));
  Index& index = package.index_;
  // A number of four bytes before DWARF 5, of two and padding since.
  index.version = reader.u16();
  reader.skip(2);
  index.columns = reader.u32();
  index.units = reader.u32();
  index.slots = reader.u32();
  if (index.version != 2 && index.version != 5) return std::nullopt;
  // Sections have eight kinds; the hash table has a power of two of slots.
  if (index.columns > 16 || index.slots == 0 || (index.slots & (index.slots - 1)) != 0)
    return std::nullopt;
  const uint64_t cells = uint64_t{index.units} * index.columns;
  index.hashes = reader.bytes(uint64_t{index.slots} * sizeof(uint64_t));
  index.rows = reader.bytes(uint64_t{index.slots} * sizeof(uint32_t));
  index.ids = reader.bytes(uint64_t{index.columns} * sizeof(uint32_t));
  index.offsets = reader.bytes(cells * sizeof(uint32_t));
  index.sizes = reader.bytes(cells * sizeof(uint32_t));
  if (!reader.ok()) return std::nullopt;
  return package;
}

std::optional<SplitSections> DwarfPackage::find(uint64_t id) const {
  // DWARF 5, 7.3.5.3: open addressing, the step from the upper half of the id.
  const uint64_t mask = index_.slots - 1;
  uint64_t slot = id & mask;
  const uint64_t step = ((id >> 32) & mask) | 1;
  for (uint32_t tries = 0; tries < index_.slots; ++tries, slot = (slot + step) & mask) {
    const uint32_t row = word_at(index_.rows, slot);
    if (row == 0) return std::nullopt;
    if (DwarfCursor(index_.hashes.subspan(slot * sizeof(uint64_t))).u64() != id) continue;
    if (row > index_.units) return std::nullopt;
    SplitSections sections;
    sections.str = whole_.str;
    for (uint32_t column = 0; column < index_.columns; ++column) {
      const auto member = section_of(index_.version, word_at(index_.ids, column));
      if (member == nullptr) continue;
      const uint64_t cell = uint64_t{row - 1} * index_.columns + column;
      const Bytes whole = whole_.*member;
      const uint64_t offset = word_at(index_.offsets, cell);
      const uint64_t size = word_at(index_.sizes, cell);
      if (offset > whole.size() || size > whole.size() - offset) return std::nullopt;
      sections.*member = whole.subspan(offset, size);
    }
    return sections;
  }
  return std::nullopt;
}

}  // namespace clew::sym
