#include "sym/dwarf_die.h"

#include <dwarf.h>

#include <algorithm>

namespace clew::sym {
namespace {

using Section = NameRef::Section;

/// Abbreviation tables that are kept at once. Units that share one come one after the other.
constexpr size_t most_plans = 64;

DieRole role_of(uint16_t tag) {
  switch (tag) {
    case DW_TAG_subprogram:
      return DieRole::function;
    case DW_TAG_variable:
    case DW_TAG_constant:
    case DW_TAG_member:  // a static constant, before DWARF 5
      return DieRole::variable;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
    case DW_TAG_interface_type:
    case DW_TAG_typedef:
    case DW_TAG_base_type:
    case DW_TAG_unspecified_type:
    case DW_TAG_template_alias:
      return DieRole::type;
    case DW_TAG_namespace:
    case DW_TAG_module:
      return DieRole::name_space;
    case DW_TAG_enumerator:
      return DieRole::enumerator;
    case DW_TAG_compile_unit:
    case DW_TAG_partial_unit:
    case DW_TAG_type_unit:
    case DW_TAG_skeleton_unit:
    case DW_TAG_lexical_block:
    case DW_TAG_catch_block:
    case DW_TAG_try_block:
    case DW_TAG_variant_part:
    case DW_TAG_variant:
      return DieRole::body;
    default:
      return DieRole::ignore;
  }
}

void note_attribute(DieRecipe& recipe, const DwarfAbbrev::Attribute& attribute, int16_t index) {
  switch (attribute.name) {
    case DW_AT_name:
      recipe.name = index;
      break;
    case DW_AT_specification:
      recipe.reference = index;
      break;
    case DW_AT_abstract_origin:
      recipe.reference = index;
      break;
    case DW_AT_signature:
      recipe.signature = index;
      break;
    case DW_AT_sibling:
      recipe.sibling = index;
      break;
    case DW_AT_location:
      recipe.location = index;
      break;
    case DW_AT_declaration:
      recipe.declaration = index;
      recipe.is_declaration = attribute.form == DW_FORM_flag_present;
      break;
    case DW_AT_inline:
      recipe.inlined = index;
      break;
    case DW_AT_low_pc:
    case DW_AT_ranges:
    case DW_AT_entry_pc:
      recipe.has_code = true;
      break;
    case DW_AT_const_value:
      recipe.has_constant = true;
      break;
    case DW_AT_export_symbols:
      recipe.may_be_left_out = true;
      break;
    case DW_AT_enum_class:
      recipe.may_be_left_out = false;
      break;
    default:
      break;
  }
}

DieRecipe make_recipe(const DwarfAbbrev& abbrev,
                      std::span<const DwarfAbbrev::Attribute> attributes) {
  DieRecipe recipe;
  recipe.role = role_of(abbrev.tag);
  recipe.may_be_left_out = abbrev.tag == DW_TAG_enumeration_type;
  for (size_t i = 0; i < attributes.size(); ++i)
    note_attribute(recipe, attributes[i], static_cast<int16_t>(i));
  if (abbrev.tag == DW_TAG_member && !recipe.has_constant) recipe.role = DieRole::ignore;
  // Types and static variables of a function that was inlined stand in its abstract or out-of-line
  // instance, so that inlined copies need no look.
  recipe.may_skip_children = recipe.role == DieRole::ignore || recipe.role == DieRole::variable ||
                             (recipe.role == DieRole::function && recipe.is_declaration);
  recipe.is_scope = recipe.role == DieRole::function || recipe.role == DieRole::type ||
                    recipe.role == DieRole::name_space;
  return recipe;
}

}  // namespace

DiePlan::DiePlan(Bytes bytes, const DwarfFormat& format) : abbrevs(bytes, format) {
  recipes.reserve(abbrevs.all().size());
  for (const DwarfAbbrev& abbrev : abbrevs.all())
    recipes.push_back(make_recipe(abbrev, abbrevs.attributes(abbrev)));
}

DieReader::DieReader(const DwarfSections& sections, const DwarfUnit& unit,
                     std::shared_ptr<const DiePlan> plan)
    : sections_(&sections),
      unit_(&unit),
      plan_(std::move(plan)),
      section_(unit.in_types ? sections.types() : sections.info()) {
  // DWARF 5, 7.26: without a base it is behind the header of the unit's part.
  str_offsets_base_ = unit.str_offsets_start;
  if (unit.format.version >= 5) str_offsets_base_ += unit.format.offset_size == 8 ? 16 : 8;
  const auto first = die_at(unit.first_die);
  if (!first) return;
  const auto attributes = plan_->abbrevs.attributes(*first->abbrev);
  for (size_t i = 0; i < attributes.size(); ++i) {
    const uint16_t name = attributes[i].name;
    if (name != DW_AT_language && name != DW_AT_str_offsets_base) continue;
    const auto found = value(*first, static_cast<int>(i));
    if (!found) continue;
    if (name == DW_AT_language) language_ = static_cast<uint16_t>(constant(*found));
    if (name == DW_AT_str_offsets_base) str_offsets_base_ = constant(*found);
  }
}

std::optional<DiePlace> DieReader::die_at(uint64_t offset) const {
  if (offset < unit_->first_die || offset >= unit_->end) return std::nullopt;
  DwarfCursor at = cursor_at(offset);
  const DwarfAbbrev* const abbrev = plan_->abbrevs.find(at.uleb());
  if (abbrev == nullptr) return std::nullopt;
  return DiePlace{offset, abbrev, at.at()};
}

bool DieReader::skip_steps(const DwarfAbbrev& abbrev, DwarfCursor& at) const {
  for (const DwarfAbbrev::Step& step : plan_->abbrevs.steps(abbrev)) {
    if (!at.skip(step.fixed)) return false;
    if (step.form != 0 && !skip_form(at, step.form, unit_->format)) return false;
  }
  return true;
}

std::optional<DieValue> DieReader::value(const DiePlace& die, int index) const {
  if (index < 0) return std::nullopt;
  const auto attributes = plan_->abbrevs.attributes(*die.abbrev);
  const auto wanted = static_cast<size_t>(index);
  DwarfCursor at(die.values, end());
  if (attributes[wanted].fixed_at >= 0) {
    if (!at.skip(static_cast<uint64_t>(attributes[wanted].fixed_at))) return std::nullopt;
  } else {
    for (size_t i = 0; i < wanted; ++i) {
      if (!skip_form(at, attributes[i].form, unit_->format)) return std::nullopt;
    }
  }
  DieValue result{at, attributes[wanted].form, attributes[wanted].implicit_value};
  if (result.form == DW_FORM_indirect) result.form = result.at.uleb();
  return result;
}

uint64_t DieReader::constant(const DieValue& value) const {
  DwarfCursor at = value.at;
  switch (value.form) {
    case DW_FORM_data1:
    case DW_FORM_flag:
      return at.u8();
    case DW_FORM_data2:
      return at.u16();
    case DW_FORM_data4:
      return at.u32();
    case DW_FORM_data8:
      return at.u64();
    case DW_FORM_sec_offset:
      return at.offset(unit_->format.offset_size);
    case DW_FORM_udata:
      return at.uleb();
    case DW_FORM_sdata:
      return static_cast<uint64_t>(at.sleb());
    case DW_FORM_implicit_const:
      return static_cast<uint64_t>(value.implicit);
    case DW_FORM_flag_present:
      return 1;
    default:
      return 0;
  }
}

bool DieReader::flag(const DiePlace& die, int index) const {
  const auto found = value(die, index);
  return found && constant(*found) != 0;
}

NameRef DieReader::name(const DieValue& value) const {
  DwarfCursor at = value.at;
  const unsigned size = unit_->format.offset_size;
  switch (value.form) {
    case DW_FORM_string:
      return {unit_->in_types ? Section::types : Section::info, offset_of(at.at())};
    case DW_FORM_strp:
      return {Section::str, at.offset(size)};
    case DW_FORM_line_strp:
      return {Section::line_str, at.offset(size)};
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_strp_alt:
      return {Section::alt_str, at.offset(size)};
    case DW_FORM_strx:
    case DW_FORM_GNU_str_index:
      return indexed_name(at.uleb());
    case DW_FORM_strx1:
      return indexed_name(at.u8());
    case DW_FORM_strx2:
      return indexed_name(at.u16());
    case DW_FORM_strx3:
      return indexed_name(at.u24());
    case DW_FORM_strx4:
      return indexed_name(at.u32());
    default:
      return {};
  }
}

NameRef DieReader::indexed_name(uint64_t index) const {
  const Bytes offsets = sections_->str_offsets();
  const uint64_t size = unit_->format.offset_size;
  if (str_offsets_base_ > offsets.size() || index >= (offsets.size() - str_offsets_base_) / size)
    return {};
  DwarfCursor entry(offsets.subspan(str_offsets_base_ + index * size));
  return {Section::str, entry.offset(unit_->format.offset_size)};
}

std::optional<DieReference> DieReader::reference(const DieValue& value) const {
  DwarfCursor at = value.at;
  const DwarfFormat& format = unit_->format;
  switch (value.form) {
    case DW_FORM_ref1:
      return DieReference{unit_->offset + at.u8()};
    case DW_FORM_ref2:
      return DieReference{unit_->offset + at.u16()};
    case DW_FORM_ref4:
      return DieReference{unit_->offset + at.u32()};
    case DW_FORM_ref8:
      return DieReference{unit_->offset + at.u64()};
    case DW_FORM_ref_udata:
      return DieReference{unit_->offset + at.uleb()};
    case DW_FORM_ref_addr:
      return DieReference{
          at.number(format.version <= 2 ? format.address_size : format.offset_size)};
    case DW_FORM_GNU_ref_alt:
      return DieReference{at.offset(format.offset_size), true};
    case DW_FORM_ref_sup4:
      return DieReference{at.u32(), true};
    case DW_FORM_ref_sup8:
      return DieReference{at.u64(), true};
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> DieReader::signature(const DieValue& value) const {
  if (value.form != DW_FORM_ref_sig8) return std::nullopt;
  DwarfCursor at = value.at;
  return at.u64();
}

bool DieReader::is_fixed_place(const DieValue& location) const {
  DwarfCursor at = location.at;
  uint64_t size = 0;
  switch (location.form) {
    case DW_FORM_exprloc:
    case DW_FORM_block:
      size = at.uleb();
      break;
    case DW_FORM_block1:
      size = at.u8();
      break;
    case DW_FORM_block2:
      size = at.u16();
      break;
    case DW_FORM_block4:
      size = at.u32();
      break;
    default:
      return false;  // a list: it moves between registers and the stack
  }
  if (size == 0) return false;
  switch (at.u8()) {
    case DW_OP_addr:
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
      return true;
    case DW_OP_const4u:  // the offset in front of DW_OP_form_tls_address
    case DW_OP_const8u:
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
      return size > 2;
    default:
      return false;
  }
}

DieReader DieReaders::open(const DwarfUnit& unit) {
  const Key key{unit.abbrev_offset, unit.format.version, unit.format.offset_size,
                unit.format.address_size};
  auto known = plans_.find(key);
  if (known == plans_.end()) {
    if (plans_.size() >= most_plans) plans_.clear();
    const Bytes all = sections_.abbrev();
    const Bytes bytes = unit.abbrev_offset < all.size() ? all.subspan(unit.abbrev_offset) : Bytes();
    known = plans_.emplace(key, std::make_shared<DiePlan>(bytes, unit.format)).first;
  }
  return {sections_, unit, known->second};
}

const DwarfUnit* DieReaders::unit_at(uint64_t offset) const {
  // Those of .debug_types come behind all others and are never referred to by offset.
  const auto info_end = std::partition_point(units_.begin(), units_.end(),
                                             [](const DwarfUnit& u) { return !u.in_types; });
  const auto after = std::upper_bound(units_.begin(), info_end, offset,
                                      [](uint64_t o, const DwarfUnit& u) { return o < u.offset; });
  if (after == units_.begin()) return nullptr;
  const DwarfUnit& unit = *std::prev(after);
  return offset < unit.end ? &unit : nullptr;
}

const DwarfUnit* DieReaders::type_unit(uint64_t signature) {
  if (!knows_type_units_) {
    knows_type_units_ = true;
    for (const DwarfUnit& unit : units_) {
      if (unit.type_die != 0) type_units_.emplace(unit.signature, &unit);
    }
  }
  const auto found = type_units_.find(signature);
  return found == type_units_.end() ? nullptr : found->second;
}

}  // namespace clew::sym
