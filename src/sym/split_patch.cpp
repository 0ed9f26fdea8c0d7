#include "sym/split_patch.h"

#include <dwarf.h>

#include <algorithm>
#include <cstring>

#include "sym/dwarf_bytes.h"

namespace clew::sym {
namespace {

/// Where a unit and its parts are in .debug_info.
struct UnitPlace {
  size_t start = 0;  // of the header
  size_t type = 0, abbrev_offset = 0, id = 0;
  size_t first_entry = 0;
  unsigned offset_size = 4;
  uint64_t abbrev = 0;  // what stands at abbrev_offset
};

bool find_unit(const SplitUnit& unit, UnitPlace& place) {
  DwarfCursor reader(unit.info);
  while (!reader.at_end()) {
    place.start = unit.info.size() - reader.left();
    const uint64_t length = reader.initial_length(place.offset_size);
    const size_t at = unit.info.size() - reader.left();
    DwarfCursor header(reader.bytes(length));
    const unsigned version = header.u16();
    const unsigned type = header.u8();
    header.skip(1);  // size of addresses
    place.type = at + 2;
    place.abbrev_offset = at + 4;
    place.abbrev = header.offset(place.offset_size);
    place.id = place.abbrev_offset + place.offset_size;
    place.first_entry = place.id + sizeof unit.id;
    if (version == 5 && type == DW_UT_split_compile && header.u64() == unit.id && header.ok())
      return true;
  }
  return false;
}

/// The table of abbreviations of one unit.
struct Abbreviations {
  Bytes all;             // with the zero at the end
  uint64_t largest = 0;  // code
  // The one that was asked for.
  uint64_t tag = 0;
  uint8_t has_children = 0;
  Bytes attributes;  // with the two zeros at the end
};

bool read_abbreviations(Bytes section, uint64_t offset, uint64_t wanted, Abbreviations& table) {
  if (offset >= section.size()) return false;
  const Bytes rest = section.subspan(offset);
  DwarfCursor reader(rest);
  while (!reader.at_end()) {
    const uint64_t code = reader.uleb();
    if (code == 0) {
      table.all = rest.first(rest.size() - reader.left());
      return reader.ok() && !table.attributes.empty();
    }
    table.largest = std::max(table.largest, code);
    const uint64_t tag = reader.uleb();
    const uint8_t has_children = reader.u8();
    const size_t start = rest.size() - reader.left();
    for (uint64_t name = 1, form = 1; (name != 0 || form != 0) && reader.ok();) {
      name = reader.uleb();
      form = reader.uleb();
      if (form == DW_FORM_implicit_const) reader.sleb();
    }
    if (code == wanted && reader.ok()) {
      table.tag = tag;
      table.has_children = has_children;
      table.attributes = rest.subspan(start, rest.size() - reader.left() - start);
    }
  }
  return false;
}

void append_uleb(std::vector<std::byte>& to, uint64_t value, size_t at_least = 1) {
  for (size_t i = 1; value >= 0x80 || i < at_least; ++i, value >>= 7)
    to.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
  to.push_back(static_cast<std::byte>(value));
}

size_t uleb_size(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

}  // namespace

bool make_whole_unit(const SplitUnit& unit, uint64_t base_index, std::vector<std::byte>& info,
                     std::vector<std::byte>& abbrev) {
  UnitPlace place;
  if (!find_unit(unit, place) || place.first_entry >= unit.info.size()) return false;
  DwarfCursor entry(unit.info.subspan(place.first_entry));
  const uint64_t code = entry.uleb();
  const size_t attributes = unit.info.size() - entry.left();
  Abbreviations table;
  if (!entry.ok() || !read_abbreviations(unit.abbrev, place.abbrev, code, table)) return false;

  // What there is room for: the id and the old code give way to the new code, the base address and,
  // when it fits, the place of the line table, which is the first in its section.
  const uint64_t new_code = table.largest + 1;
  const size_t room = attributes - place.id;
  const size_t needed = uleb_size(new_code) + uleb_size(base_index);
  if (needed > room) return false;
  const bool has_lines = needed + place.offset_size <= room;
  const size_t index_size =
      room - uleb_size(new_code) - (has_lines ? size_t{place.offset_size} : 0);

  std::vector<std::byte> head;
  append_uleb(head, new_code);
  append_uleb(head, base_index, index_size);
  head.resize(room);  // the offset 0

  info.assign(unit.info.begin(), unit.info.end());
  std::copy(head.begin(), head.end(), info.begin() + static_cast<ptrdiff_t>(place.id));
  info[place.type] = std::byte{DW_UT_compile};
  const uint64_t abbrev_offset = unit.abbrev.size();
  std::memcpy(info.data() + place.abbrev_offset, &abbrev_offset, place.offset_size);

  abbrev.assign(unit.abbrev.begin(), unit.abbrev.end());
  append_uleb(abbrev, new_code);
  append_uleb(abbrev, table.tag);
  abbrev.push_back(std::byte{table.has_children});
  append_uleb(abbrev, DW_AT_low_pc);
  append_uleb(abbrev, DW_FORM_addrx);
  if (has_lines) {
    append_uleb(abbrev, DW_AT_stmt_list);
    append_uleb(abbrev, DW_FORM_sec_offset);
  }
  abbrev.insert(abbrev.end(), table.attributes.begin(), table.attributes.end());
  abbrev.insert(abbrev.end(), table.all.begin(), table.all.end());
  return true;
}

Bytes addresses_of_unit(Bytes debug_addr, uint64_t base) {
  // The header in front has the length; the base is behind it.
  constexpr uint64_t short_header = 8;
  constexpr uint64_t long_header = 16;
  if (base > debug_addr.size() || base < short_header) return {};
  const Bytes rest = debug_addr.subspan(base);
  for (const uint64_t size : {short_header, long_header}) {
    if (base < size) continue;
    DwarfCursor header(debug_addr.subspan(base - size));
    unsigned offset_size = 4;
    const uint64_t length = header.initial_length(offset_size);
    if (!header.ok() || (offset_size == 8) != (size == long_header)) continue;
    const uint64_t version = header.u16();
    constexpr uint64_t after_length = 4;  // version, sizes of address and segment selector
    if (version == 5 && length >= after_length && length - after_length <= rest.size())
      return rest.first(length - after_length);
  }
  return rest;
}

std::vector<std::byte> add_to_ranges(Bytes ranges, uint64_t base) {
  std::vector<std::byte> result(ranges.begin(), ranges.end());
  struct Pair {
    uint64_t start, end;
  };
  uint64_t now = base;
  for (size_t at = 0; at + sizeof(Pair) <= result.size(); at += sizeof(Pair)) {
    Pair pair;
    std::memcpy(&pair, result.data() + at, sizeof pair);
    if (pair.start == UINT64_MAX) {
      now = 0;  // a new base stands here itself
      continue;
    }
    if (pair.start == 0 && pair.end == 0) {
      now = base;  // the next list
      continue;
    }
    pair.start += now;
    pair.end += now;
    std::memcpy(result.data() + at, &pair, sizeof pair);
  }
  return result;
}

}  // namespace clew::sym
