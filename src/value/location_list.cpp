#include "value/location_list.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "sym/byte_reader.h"
#include "sym/dwarf_attribute.h"
#include "sym/dwarf_data.h"

namespace clew::value {
namespace {

tl::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::bad_data, fmt::format("its location list {}", what));
}

/// More than any optimiser makes, and not so many that it takes long.
constexpr size_t most_locations = 100'000;

/// DebugFission's entry of two offsets, which elfutils' <dwarf.h> has no name for.
constexpr uint8_t gnu_offset_pair = 4;

Bytes section_at(Dwarf* dwarf, std::string_view name, uint64_t offset) {
  const Bytes section = sym::dwarf_section(dwarf, name);
  return offset <= section.size() ? section.subspan(offset) : Bytes();
}

class ListReader {
 public:
  explicit ListReader(const UnitFacts& unit) : unit_(unit), base_(unit.low_pc) {}

  /// .debug_loclists (DWARF 5, 7.7.3).
  Status read_new(Bytes bytes);
  /// .debug_loc.dwo as GNU compilers have it for DWARF 4.
  Status read_split(Bytes bytes);
  /// .debug_loc (DWARF 4, 2.6.2).
  Status read_old(Bytes bytes);
  std::vector<LocationEntry> take() { return std::move(entries_); }

 private:
  Status add(uint64_t start, uint64_t end, Bytes expression) {
    if (entries_.size() >= most_locations) return broken("does not end");
    entries_.push_back({start, end, {expression, unit_.offset_size, unit_.version}});
    return {};
  }

  const UnitFacts& unit_;
  uint64_t base_;
  std::vector<LocationEntry> entries_;
};

Status ListReader::read_new(Bytes bytes) {
  sym::ByteReader reader(bytes);
  for (size_t i = 0; i < most_locations; ++i) {
    const uint8_t kind = reader.u8();
    if (reader.failed()) break;
    uint64_t start = 0;
    uint64_t end = 0;
    const auto indexed = [&]() -> Result<uint64_t> { return unit_.address_at(reader.uleb()); };
    switch (kind) {
      case DW_LLE_end_of_list:
        return {};
      case DW_LLE_base_addressx: {
        const auto base = indexed();
        if (!base) return tl::unexpected(base.error());
        base_ = *base;
        continue;
      }
      case DW_LLE_base_address:
        base_ = reader.u64();
        continue;
      case DW_LLE_startx_endx:
      case DW_LLE_startx_length: {
        const auto first = indexed();
        if (!first) return tl::unexpected(first.error());
        start = *first;
        if (kind == DW_LLE_startx_length) {
          end = start + reader.uleb();
          break;
        }
        const auto last = indexed();
        if (!last) return tl::unexpected(last.error());
        end = *last;
        break;
      }
      case DW_LLE_offset_pair:
        start = base_ + reader.uleb();
        end = base_ + reader.uleb();
        break;
      case DW_LLE_default_location:
        end = UINT64_MAX;
        break;
      case DW_LLE_start_end:
        start = reader.u64();
        end = reader.u64();
        break;
      case DW_LLE_start_length:
        start = reader.u64();
        end = start + reader.uleb();
        break;
      case DW_LLE_GNU_view_pair:
        reader.uleb();
        reader.uleb();
        continue;
      default:
        return broken(fmt::format("has the unknown entry {:#x}", kind));
    }
    const Bytes expression = reader.bytes(reader.uleb());
    if (reader.failed()) break;
    if (auto added = add(start, end, expression); !added) return added;
  }
  return broken("is cut short");
}

Status ListReader::read_split(Bytes bytes) {
  sym::ByteReader reader(bytes);
  for (size_t i = 0; i < most_locations; ++i) {
    const uint8_t kind = reader.u8();
    if (reader.failed()) break;
    if (kind == DW_LLE_GNU_end_of_list_entry) return {};
    uint64_t start = base_;
    uint64_t end = base_;
    if (kind == gnu_offset_pair) {
      start += reader.u32();
      end += reader.u32();
    } else {
      const auto first = unit_.address_at(reader.uleb());
      if (!first) return tl::unexpected(first.error());
      if (kind == DW_LLE_GNU_base_address_selection_entry) {
        base_ = *first;
        continue;
      }
      start = *first;
      if (kind == DW_LLE_GNU_start_length_entry) {
        end = start + reader.u32();
      } else if (kind == DW_LLE_GNU_start_end_entry) {
        const auto last = unit_.address_at(reader.uleb());
        if (!last) return tl::unexpected(last.error());
        end = *last;
      } else {
        return broken(fmt::format("has the unknown entry {:#x}", kind));
      }
    }
    const Bytes expression = reader.bytes(reader.u16());
    if (reader.failed()) break;
    if (auto added = add(start, end, expression); !added) return added;
  }
  return broken("is cut short");
}

Status ListReader::read_old(Bytes bytes) {
  sym::ByteReader reader(bytes);
  for (size_t i = 0; i < most_locations; ++i) {
    const uint64_t first = reader.u64();
    const uint64_t last = reader.u64();
    if (reader.failed()) break;
    if (first == 0 && last == 0) return {};
    if (first == UINT64_MAX) {
      base_ = last;
      continue;
    }
    const Bytes expression = reader.bytes(reader.u16());
    if (reader.failed()) break;
    if (auto added = add(base_ + first, base_ + last, expression); !added) return added;
  }
  return broken("is cut short");
}

/// DW_FORM_loclistx: an index into the table behind the header of the unit's lists.
Result<uint64_t> offset_of_index(const UnitFacts& unit, uint64_t index) {
  Dwarf_Attribute attribute;
  Dwarf_Die die = unit.unit;
  Dwarf_Word base = 0;
  if (dwarf_attr(&die, DW_AT_loclists_base, &attribute) == nullptr ||
      dwarf_formudata(&attribute, &base) != 0) {
    // A split unit has no such attribute: its table follows the first header (DWARF 5, 7.29).
    base = unit.offset_size == 8 ? 20 : 12;
  }
  const Bytes section = sym::dwarf_section(unit.dwarf, ".debug_loclists");
  if (index > section.size() || base > section.size()) return broken("is not there");
  const uint64_t at = base + index * unit.offset_size;
  if (at + unit.offset_size > section.size()) return broken("is not there");
  sym::ByteReader reader(section.subspan(at));
  return base + reader.sized(unit.offset_size);
}

}  // namespace

UnitFacts::UnitFacts(const Dwarf_Die& die) {
  dwarf = dwarf_cu_getdwarf(die.cu);
  Dwarf_Half v = 5;
  uint8_t unit_type = 0;
  Dwarf_Die other{};
  uint8_t size = 4;
  uint8_t address_size = 8;
  if (dwarf_cu_info(die.cu, &v, &unit_type, &unit, &other, nullptr, &address_size, &size) != 0)
    return;
  version = static_cast<uint8_t>(v);
  offset_size = size;
  offset = dwarf_dieoffset(&unit) - dwarf_cuoffset(&unit);
  address_unit = unit;
  is_split = unit_type == DW_UT_split_compile && other.addr != nullptr;
  if (is_split) address_unit = other;
  Dwarf_Addr low = 0;
  if (dwarf_lowpc(&address_unit, &low) == 0) low_pc = low;
}

Result<uint64_t> UnitFacts::address_at(uint64_t index) const {
  Dwarf_Die die = address_unit;
  Dwarf_Attribute attribute;
  Dwarf_Word base = 0;
  if (dwarf_attr(&die, DW_AT_addr_base, &attribute) != nullptr ||
      dwarf_attr(&die, DW_AT_GNU_addr_base, &attribute) != nullptr) {
    dwarf_formudata(&attribute, &base);
  }
  const Bytes section = sym::dwarf_section(dwarf_cu_getdwarf(die.cu), ".debug_addr");
  constexpr uint64_t size = sizeof(uint64_t);
  if (base > section.size() || index >= (section.size() - base) / size)
    return fail(ErrorCode::bad_data, "an index beyond the end of .debug_addr");
  return sym::ByteReader(section.subspan(base + index * size)).u64();
}

Result<std::vector<LocationEntry>> location_entries(const Dwarf_Attribute& attribute,
                                                    const UnitFacts& unit) {
  Dwarf_Attribute copy = attribute;
  Dwarf_Block block{};
  switch (dwarf_whatform(&copy)) {
    case DW_FORM_exprloc:
    case DW_FORM_block:
    case DW_FORM_block1:
    case DW_FORM_block2:
    case DW_FORM_block4: {
      if (dwarf_formblock(&copy, &block) != 0) return broken("makes no sense");
      const Bytes bytes = std::as_bytes(std::span(block.data, block.length));
      return std::vector<LocationEntry>{{0, UINT64_MAX, {bytes, unit.offset_size, unit.version}}};
    }
    default:
      break;
  }
  Dwarf_Word number = 0;
  if (dwarf_formudata(&copy, &number) != 0) return broken("makes no sense");
  ListReader reader(unit);
  Status status;
  if (unit.version >= 5) {
    if (dwarf_whatform(&copy) == DW_FORM_loclistx) {
      const auto offset = offset_of_index(unit, number);
      if (!offset) return tl::unexpected(offset.error());
      number = *offset;
    }
    status = reader.read_new(section_at(unit.dwarf, ".debug_loclists", number));
  } else if (unit.is_split) {
    status = reader.read_split(section_at(unit.dwarf, ".debug_loc", number));
  } else {
    status = reader.read_old(section_at(unit.dwarf, ".debug_loc", number));
  }
  if (!status) return tl::unexpected(status.error());
  return reader.take();
}

}  // namespace clew::value
