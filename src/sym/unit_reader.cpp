#include "sym/unit_reader.h"

#include <dwarf.h>

#include <algorithm>

#include "sym/dwarf_data.h"

namespace clew::sym {
namespace {

/// Compilers number from 1 without gaps; larger codes go into a hash table.
constexpr uint64_t dense_codes = 1 << 16;
/// Shapes and their attributes together; a unit of a large program has some thousands.
constexpr uint64_t most_shapes = 1 << 20;

}  // namespace

UnitReader::UnitReader(const Dwarf_Die& unit) : unit_(unit) {
  Dwarf_Half version = 0;
  uint8_t address_size = 0;
  uint8_t offset_size = 0;
  Dwarf_Die first;
  if (dwarf_cu_die(unit.cu, &first, &version, nullptr, &address_size, &offset_size, nullptr,
                   nullptr) == nullptr) {
    return;
  }
  version_ = version;
  address_size_ = address_size;
  offset_size_ = offset_size;
  const Dwarf_Off header_size = dwarf_cuoffset(&first);
  begin_ = static_cast<const std::byte*>(first.addr);

  // The length stands at the front of the header, and may claim too much.
  Dwarf* const dwarf = dwarf_cu_getdwarf(unit.cu);
  const Bytes header = dwarf_section_from(dwarf, begin_ - header_size);
  ByteReader reader(header);
  unsigned size_of_offsets = 4;
  const uint64_t length = reader.initial_length(size_of_offsets);
  const uint64_t before = header.size() - reader.left();
  if (reader.failed() || length > reader.left() || before + length < header_size) return;
  end_ = header.data() + before + length;
  read_shapes();
}

Dwarf_Die UnitReader::entry(const std::byte* address) const {
  // The same as libdw makes of an offset: what is left out it fills in when it is first needed.
  Dwarf_Die die{};
  die.addr = const_cast<std::byte*>(address);
  die.cu = unit_.cu;
  return die;
}

void UnitReader::read_shapes() {
  Dwarf_Die unit = unit_;
  size_t length = 0;
  uint64_t work = 0;
  for (Dwarf_Off offset = 0; work < most_shapes; offset += length, ++work) {
    Dwarf_Abbrev* const abbrev = dwarf_getabbrev(&unit, offset, &length);
    if (abbrev == nullptr || abbrev == DWARF_END_ABBREV || length == 0) return;
    EntryShape shape;
    shape.tag = static_cast<uint16_t>(dwarf_getabbrevtag(abbrev));
    shape.has_children = dwarf_abbrevhaschildren(abbrev) != 0;
    int64_t size = 0;
    unsigned name = 0;
    unsigned form = 0;
    // dwarf_getattrcnt() of elfutils 0.188 miscounts DW_FORM_implicit_const; this call ends by
    // itself.
    size_t count = 0;
    for (; dwarf_getabbrevattr_data(abbrev, count, &name, &form, nullptr, nullptr) == 0; ++count) {
      if (name == DW_AT_low_pc || name == DW_AT_ranges) shape.has_code = true;
      if (name == DW_AT_declaration) shape.is_declaration = true;
      const int one = fixed_size(form);
      size = size < 0 || one < 0 ? -1 : size + one;
      shape.forms.push_back(static_cast<uint16_t>(std::min(form, 0xffffU)));
    }
    work += count;
    shape.fixed_size = size;
    if (size >= 0) shape.forms.clear();
    add_shape(dwarf_getabbrevcode(abbrev), std::move(shape));
  }
}

void UnitReader::add_shape(uint64_t code, EntryShape shape) {
  if (code == 0) return;
  if (code > dense_codes) {
    sparse_shapes_.emplace(code, std::move(shape));
    return;
  }
  if (shapes_.size() < code) shapes_.resize(code);
  // A code that is given twice is wrong; like libdw, the first one counts.
  if (shapes_[code - 1].tag == 0) shapes_[code - 1] = std::move(shape);
}

const EntryShape* UnitReader::find_shape(uint64_t code) const {
  if (code <= shapes_.size()) {
    const EntryShape& shape = shapes_[code - 1];
    return shape.tag == 0 ? nullptr : &shape;
  }
  const auto found = sparse_shapes_.find(code);
  return found == sparse_shapes_.end() ? nullptr : &found->second;
}

int UnitReader::fixed_size(uint64_t form) const {
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_ref_sup4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
      return 4;
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_addr:
      return static_cast<int>(address_size_);
    case DW_FORM_ref_addr:
      return static_cast<int>(version_ == 2 ? address_size_ : offset_size_);
    case DW_FORM_strp:
    case DW_FORM_strp_sup:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return static_cast<int>(offset_size_);
    default:
      return -1;
  }
}

void UnitReader::skip_attributes(const EntryShape& shape, ByteReader& reader) const {
  if (shape.fixed_size >= 0) {
    reader.skip(static_cast<uint64_t>(shape.fixed_size));
    return;
  }
  for (const uint16_t form : shape.forms) skip_form(form, reader);
}

void UnitReader::skip_form(uint64_t form, ByteReader& reader) const {
  // An indirect form that leads to an indirect form is possible, but one is enough for sense.
  if (form == DW_FORM_indirect) form = reader.uleb();
  const int size = fixed_size(form);
  if (size >= 0) {
    reader.skip(static_cast<uint64_t>(size));
    return;
  }
  switch (form) {
    case DW_FORM_string:
      reader.string();
      return;
    case DW_FORM_block1:
      reader.skip(reader.u8());
      return;
    case DW_FORM_block2:
      reader.skip(reader.u16());
      return;
    case DW_FORM_block4:
      reader.skip(reader.u32());
      return;
    case DW_FORM_block:
    case DW_FORM_exprloc:
      reader.skip(reader.uleb());
      return;
    case DW_FORM_sdata:
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
      reader.uleb();
      return;
    default:
      reader.fail();
  }
}

}  // namespace clew::sym
