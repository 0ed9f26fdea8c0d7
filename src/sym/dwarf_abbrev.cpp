#include "sym/dwarf_abbrev.h"

#include <dwarf.h>

#include <algorithm>

namespace clew::sym {
namespace {

/// Codes up to this are looked up by index.
constexpr uint64_t largest_dense_code = 1 << 16;
/// A table that claims more abbreviations, or attributes of one, is not believed: the rest of it is
/// left out. Compilers make some hundreds of a dozen attributes.
constexpr size_t most_abbrevs = 1 << 20;
constexpr size_t most_attributes = 1 << 12;
constexpr int64_t largest_fixed_size = 1 << 20;
/// DW_FORM_indirect may name DW_FORM_indirect again.
constexpr int most_indirections = 8;

}  // namespace

int fixed_form_size(uint64_t form, const DwarfFormat& format) {
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
    case DW_FORM_ref_sup8:
    case DW_FORM_ref_sig8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_addr:
      return format.address_size;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_strp_sup:
    case DW_FORM_sec_offset:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return format.offset_size;
    case DW_FORM_ref_addr:
      // DWARF 2 gave it the size of an address.
      return format.version <= 2 ? format.address_size : format.offset_size;
    default:
      return -1;
  }
}

bool skip_form(DwarfCursor& at, uint64_t form, const DwarfFormat& format) {
  for (int i = 0; form == DW_FORM_indirect; ++i) {
    form = at.uleb();
    if (i == most_indirections || form == DW_FORM_implicit_const) return false;
  }
  if (const int size = fixed_form_size(form, format); size >= 0)
    return at.skip(static_cast<uint64_t>(size));
  switch (form) {
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_loclistx:
    case DW_FORM_rnglistx:
    case DW_FORM_GNU_addr_index:
    case DW_FORM_GNU_str_index:
    case DW_FORM_sdata:
      at.uleb();
      return at.ok();
    case DW_FORM_string:
      at.string();
      return at.ok();
    case DW_FORM_block1:
      return at.skip(at.u8());
    case DW_FORM_block2:
      return at.skip(at.u16());
    case DW_FORM_block4:
      return at.skip(at.u32());
    case DW_FORM_block:
    case DW_FORM_exprloc:
      return at.skip(at.uleb()) && at.ok();
    default:
      return false;
  }
}

DwarfAbbrevTable::DwarfAbbrevTable(Bytes bytes, const DwarfFormat& format) {
  DwarfCursor at(bytes);
  for (size_t count = 0; count < most_abbrevs; ++count) {
    DwarfAbbrev abbrev;
    abbrev.code = at.uleb();
    if (abbrev.code == 0) break;
    const uint64_t tag = at.uleb();
    abbrev.tag = tag <= 0xffff ? static_cast<uint16_t>(tag) : 0xffff;
    abbrev.index = static_cast<uint32_t>(count);
    abbrev.has_children = at.u8() != DW_CHILDREN_no;
    read_attributes(at, abbrev, format);
    if (!at.ok()) break;
    all_.push_back(abbrev);
    number(abbrev);
  }
  std::stable_sort(sparse_.begin(), sparse_.end(),
                   [&](uint32_t a, uint32_t b) { return all_[a].code < all_[b].code; });
}

void DwarfAbbrevTable::read_attributes(DwarfCursor& at, DwarfAbbrev& abbrev,
                                       const DwarfFormat& format) {
  abbrev.first_attribute = static_cast<uint32_t>(attributes_.size());
  abbrev.first_step = static_cast<uint32_t>(steps_.size());
  int64_t fixed_at = 0;  // -1 once values before it differ in size
  DwarfAbbrev::Step step;
  for (size_t i = 0; i < most_attributes; ++i) {
    const uint64_t name = at.uleb();
    const uint64_t form = at.uleb();
    if (!at.ok() || (name == 0 && form == 0)) break;
    DwarfAbbrev::Attribute& attribute = attributes_.emplace_back();
    attribute.name = name <= 0xffff ? static_cast<uint16_t>(name) : 0;
    attribute.form = form <= 0xffff ? static_cast<uint16_t>(form) : 0xffff;
    attribute.fixed_at = static_cast<int32_t>(fixed_at);
    if (form == DW_FORM_implicit_const) attribute.implicit_value = at.sleb();
    const int size = fixed_form_size(form, format);
    if (size >= 0 && step.fixed < largest_fixed_size) {
      step.fixed += static_cast<uint32_t>(size);
      if (fixed_at >= 0) fixed_at += size;
    } else {
      step.form = attribute.form;
      steps_.push_back(step);
      step = {};
      fixed_at = -1;
    }
  }
  if (step.fixed > 0) steps_.push_back(step);
  abbrev.fixed_size = static_cast<int32_t>(fixed_at);
  abbrev.attribute_count = static_cast<uint32_t>(attributes_.size()) - abbrev.first_attribute;
  abbrev.step_count = static_cast<uint32_t>(steps_.size()) - abbrev.first_step;
}

void DwarfAbbrevTable::number(const DwarfAbbrev& abbrev) {
  if (abbrev.code >= largest_dense_code) {
    sparse_.push_back(abbrev.index);
    return;
  }
  if (abbrev.code >= by_code_.size()) by_code_.resize(abbrev.code + 1, none);
  // The first of two with one code counts.
  if (by_code_[abbrev.code] == none) by_code_[abbrev.code] = abbrev.index;
}

const DwarfAbbrev* DwarfAbbrevTable::find_sparse(uint64_t code) const {
  const auto found = std::lower_bound(sparse_.begin(), sparse_.end(), code,
                                      [&](uint32_t i, uint64_t c) { return all_[i].code < c; });
  return found != sparse_.end() && all_[*found].code == code ? &all_[*found] : nullptr;
}

}  // namespace clew::sym
