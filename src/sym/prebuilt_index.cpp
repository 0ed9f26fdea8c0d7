#include "sym/prebuilt_index.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

namespace clew::sym {
namespace {

/// DW_IDX_compile_unit (DWARF 5, 6.1.1.4.7), which dwarf.h of elfutils lacks.
constexpr uint64_t index_compile_unit = 1;

/// By offset in .debug_info: the units that can have functions.
class UnitNumbers {
 public:
  explicit UnitNumbers(std::span<const DwarfUnit> units) : units_(units) {}

  std::optional<uint32_t> find(uint64_t offset) const {
    const auto info_end = std::partition_point(units_.begin(), units_.end(),
                                               [](const DwarfUnit& u) { return !u.in_types; });
    const auto found =
        std::lower_bound(units_.begin(), info_end, offset,
                         [](const DwarfUnit& u, uint64_t o) { return u.offset < o; });
    if (found == info_end || found->offset != offset) return std::nullopt;
    return static_cast<uint32_t>(found - units_.begin());
  }
  /// Those that are not in `covered` and can have functions of their own.
  std::vector<uint32_t> others(const std::set<uint32_t>& covered) const {
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < units_.size(); ++i) {
      const uint8_t type = units_[i].type;
      if (type != DW_UT_type && type != DW_UT_split_type && covered.count(i) == 0)
        numbers.push_back(i);
    }
    return numbers;
  }

 private:
  std::span<const DwarfUnit> units_;
};

/// The bytes between two offsets; empty when they make no sense.
Bytes between(Bytes bytes, uint64_t start, uint64_t end) {
  if (start > end || end > bytes.size()) return {};
  return bytes.subspan(start, end - start);
}

class GdbIndex final : public PrebuiltIndex {
 public:
  /// @return false when it is not one that can be used.
  bool open(Bytes section, const UnitNumbers& numbers, size_t unit_count);

 protected:
  void add_units(const NameQuery& query, std::set<uint32_t>& found) const override;

 private:
  static constexpr uint32_t function_kind = 3;

  std::vector<uint32_t> units_;  ///< by the index's own number
  Bytes symbols_, pool_;
};

bool GdbIndex::open(Bytes section, const UnitNumbers& numbers, size_t unit_count) {
  DwarfCursor header(section);
  const uint32_t version = header.u32();
  const uint32_t unit_list = header.u32();
  const uint32_t type_list = header.u32();
  header.u32();  // the address area
  const uint32_t symbol_table = header.u32();
  // Version 9 has one more table between the symbols and the names.
  const uint32_t symbols_end = header.u32();
  const uint32_t pool = version >= 9 ? header.u32() : symbols_end;
  // Before version 7 there are no kinds of symbols.
  if (!header.ok() || version < 7 || version > 9) return false;
  const Bytes list = between(section, unit_list, type_list);
  symbols_ = between(section, symbol_table, symbols_end);
  pool_ = between(section, pool, section.size());
  if (list.empty() || symbols_.empty() || pool_.empty()) return false;
  std::set<uint32_t> covered;
  DwarfCursor at(list);
  while (at.left() >= 16) {
    const auto number = numbers.find(at.u64());
    at.u64();
    if (!number) return false;  // made of another file
    units_.push_back(*number);
    covered.insert(*number);
  }
  uncovered_ = numbers.others(covered);
  return uncovered_.size() * 2 < unit_count;
}

void GdbIndex::add_units(const NameQuery& query, std::set<uint32_t>& found) const {
  DwarfCursor slots(symbols_);
  while (slots.left() >= 8) {
    const uint32_t name = slots.u32();
    const uint32_t vector = slots.u32();
    if ((name == 0 && vector == 0) || name >= pool_.size() || vector >= pool_.size()) continue;
    if (!query.may_match_qualified(DwarfCursor(pool_.subspan(name)).string())) continue;
    DwarfCursor at(pool_.subspan(vector));
    const uint32_t count = at.u32();
    for (uint32_t i = 0; i < count && at.left() >= 4; ++i) {
      const uint32_t entry = at.u32();
      const uint32_t unit = entry & 0xffffff;
      if ((entry >> 28 & 7) == function_kind && unit < units_.size()) found.insert(units_[unit]);
    }
  }
}

/// .debug_names: one table after the other, each of some units.
class DebugNames final : public PrebuiltIndex {
 public:
  bool open(Bytes section, Bytes strings, const UnitNumbers& numbers, size_t unit_count);

 protected:
  void add_units(const NameQuery& query, std::set<uint32_t>& found) const override;

 private:
  struct Attribute {
    uint64_t index = 0, form = 0;
  };
  struct Abbreviation {
    uint64_t tag = 0;
    std::vector<Attribute> attributes;
  };
  struct Table {
    DwarfFormat format;
    std::vector<uint32_t> units;
    Bytes name_offsets, entry_offsets, entries;
    std::unordered_map<uint64_t, Abbreviation> abbreviations;
  };

  static bool read_table(DwarfCursor& at, unsigned offset_size, const UnitNumbers& numbers,
                         Table& table);
  static bool read_abbreviations(DwarfCursor at, Table& table);
  static void add_entries(const Table& table, uint64_t offset, std::set<uint32_t>& found);

  Bytes strings_;
  std::vector<Table> tables_;
};

bool DebugNames::open(Bytes section, Bytes strings, const UnitNumbers& numbers, size_t unit_count) {
  strings_ = strings;
  std::set<uint32_t> covered;
  DwarfCursor at(section);
  while (!at.at_end()) {
    uint64_t length = at.u32();
    unsigned offset_size = 4;
    if (length == 0xffffffff) {
      offset_size = 8;
      length = at.u64();
    }
    if (!at.ok() || length > at.left()) return false;
    DwarfCursor table_at(at.at(), at.at() + length);
    Table& table = tables_.emplace_back();
    if (!read_table(table_at, offset_size, numbers, table)) return false;
    covered.insert(table.units.begin(), table.units.end());
    at.skip(length);
  }
  uncovered_ = numbers.others(covered);
  return !tables_.empty() && uncovered_.size() * 2 < unit_count;
}

bool DebugNames::read_table(DwarfCursor& at, unsigned offset_size, const UnitNumbers& numbers,
                            Table& table) {
  table.format = {5, static_cast<uint8_t>(offset_size), 8};
  if (at.u16() != 5) return false;
  at.u16();  // padding
  const uint32_t unit_count = at.u32();
  const uint32_t local_types = at.u32();
  const uint32_t foreign_types = at.u32();
  const uint32_t buckets = at.u32();
  const uint32_t names = at.u32();
  const uint32_t abbreviations_size = at.u32();
  const uint32_t augmentation_size = at.u32();
  at.skip((uint64_t{augmentation_size} + 3) & ~uint64_t{3});
  if (!at.ok() || unit_count > at.left() / offset_size) return false;
  for (uint32_t i = 0; i < unit_count; ++i) {
    const auto number = numbers.find(at.offset(offset_size));
    if (!number) return false;
    table.units.push_back(*number);
  }
  at.skip(uint64_t{local_types} * offset_size + uint64_t{foreign_types} * 8);
  at.skip(uint64_t{buckets} * 4);
  if (buckets != 0) at.skip(uint64_t{names} * 4);  // hashes
  const auto take = [&](uint64_t size) {
    const Bytes bytes(at.at(), size <= at.left() ? size : 0);
    at.skip(size);
    return bytes;
  };
  table.name_offsets = take(uint64_t{names} * offset_size);
  table.entry_offsets = take(uint64_t{names} * offset_size);
  const Bytes abbreviations = take(abbreviations_size);
  if (!at.ok()) return false;
  table.entries = take(at.left());
  return read_abbreviations(DwarfCursor(abbreviations), table);
}

bool DebugNames::read_abbreviations(DwarfCursor at, Table& table) {
  constexpr size_t most_attributes = 64;
  while (!at.at_end()) {
    const uint64_t code = at.uleb();
    if (code == 0) break;
    Abbreviation& abbreviation = table.abbreviations[code];
    abbreviation.tag = at.uleb();
    for (;;) {
      const Attribute attribute{at.uleb(), at.uleb()};
      if (!at.ok() || abbreviation.attributes.size() >= most_attributes) return false;
      if (attribute.index == 0 && attribute.form == 0) break;
      abbreviation.attributes.push_back(attribute);
    }
  }
  return at.ok();
}

void DebugNames::add_units(const NameQuery& query, std::set<uint32_t>& found) const {
  for (const Table& table : tables_) {
    const unsigned size = table.format.offset_size;
    DwarfCursor names(table.name_offsets);
    DwarfCursor entries(table.entry_offsets);
    while (names.left() >= size && entries.left() >= size) {
      const uint64_t name = names.offset(size);
      const uint64_t entry = entries.offset(size);
      if (name >= strings_.size() || entry >= table.entries.size()) continue;
      const std::string_view text = DwarfCursor(strings_.subspan(name)).string();
      if (query.may_match_qualified(text)) add_entries(table, entry, found);
    }
  }
}

void DebugNames::add_entries(const Table& table, uint64_t offset, std::set<uint32_t>& found) {
  DwarfCursor at(table.entries.subspan(offset));
  while (!at.at_end()) {
    const uint64_t code = at.uleb();
    if (code == 0) return;
    const auto abbreviation = table.abbreviations.find(code);
    if (abbreviation == table.abbreviations.end()) return;
    // Without the attribute there is one unit (DWARF 5, 6.1.1.4.8).
    uint64_t unit = 0;
    for (const Attribute& attribute : abbreviation->second.attributes) {
      const int size = fixed_form_size(attribute.form, table.format);
      if (attribute.index == index_compile_unit) {
        unit = size > 0 ? at.number(static_cast<unsigned>(size)) : at.uleb();
      } else if (!skip_form(at, attribute.form, table.format)) {
        return;
      }
    }
    const uint64_t tag = abbreviation->second.tag;
    const bool is_function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
    if (is_function && unit < table.units.size()) found.insert(table.units[unit]);
  }
}

/// A section as it stands in the file: a packed one is not worth it.
Bytes plain_section(const ElfImage& image, std::string_view name) {
  const ElfImage::Section* const section = image.find_section(name);
  if (section == nullptr || (section->flags & SHF_COMPRESSED) != 0) return {};
  return image.raw(*section);
}

}  // namespace

std::unique_ptr<PrebuiltIndex> PrebuiltIndex::read(const ElfImage& image,
                                                   const DwarfSections& sections,
                                                   std::span<const DwarfUnit> units) {
  const UnitNumbers numbers(units);
  if (const Bytes section = plain_section(image, ".debug_names"); !section.empty()) {
    auto index = std::make_unique<DebugNames>();
    if (index->open(section, sections.str(), numbers, units.size())) return index;
  }
  if (const Bytes section = plain_section(image, ".gdb_index"); !section.empty()) {
    auto index = std::make_unique<GdbIndex>();
    if (index->open(section, numbers, units.size())) return index;
  }
  return nullptr;
}

std::set<uint32_t> PrebuiltIndex::units_of(const NameQuery& query) const {
  std::set<uint32_t> found(uncovered_.begin(), uncovered_.end());
  add_units(query, found);
  return found;
}

}  // namespace clew::sym
