#include "sym/name_file.h"

#include <dwarf.h>

#include "sym/dwarf_data.h"

namespace clew::sym {
namespace {

DwarfSections::InMemory sections_of(Dwarf* dwarf) {
  return {dwarf_section(dwarf, ".debug_info"),     dwarf_section(dwarf, ".debug_types"),
          dwarf_section(dwarf, ".debug_abbrev"),   dwarf_section(dwarf, ".debug_str"),
          dwarf_section(dwarf, ".debug_line_str"), dwarf_section(dwarf, ".debug_str_offsets")};
}

bool is_of_kind(int tag, NameKind kind) {
  switch (kind) {
    case NameKind::function:
    case NameKind::inlined_function:
      return tag == DW_TAG_subprogram;
    case NameKind::variable:
      return tag == DW_TAG_variable || tag == DW_TAG_member || tag == DW_TAG_constant;
    case NameKind::enumerator:
      return tag == DW_TAG_enumerator;
    case NameKind::type:
      return tag == DW_TAG_base_type || tag == DW_TAG_typedef || tag == DW_TAG_unspecified_type ||
             tag == DW_TAG_template_alias || tag == DW_TAG_structure_type ||
             tag == DW_TAG_class_type || tag == DW_TAG_union_type ||
             tag == DW_TAG_enumeration_type || tag == DW_TAG_interface_type;
  }
  return false;
}

}  // namespace

NameFile::NameFile(Dwarf* dwarf, const ElfImage* image, BuildId build_id)
    : dwarf_(dwarf),
      build_id_(std::move(build_id)),
      sections_(image != nullptr ? std::make_unique<DwarfSections>(*image)
                                 : std::make_unique<DwarfSections>(sections_of(dwarf))),
      units_(read_dwarf_units(*sections_)),
      prebuilt_(image != nullptr ? PrebuiltIndex::read(*image, *sections_, units_) : nullptr),
      index_(std::make_shared<NameIndex>()) {}

void NameFile::set_alt(const NameFile& alt) {
  alt_ = &alt;
  sections_->set_alt(alt.sections_.get());
}

Result<NameIndex> NameFile::scan(std::span<const DwarfUnit> units, unsigned threads,
                                 WorkControl& control, const WantedNames& wanted) const {
  const std::span<const DwarfUnit> alt_units =
      alt_ != nullptr ? std::span<const DwarfUnit>(alt_->units_) : std::span<const DwarfUnit>();
  return NameIndex::scan(*sections_, units_, units, alt_units, threads, control, wanted);
}

Status NameFile::load(const NameCache& cache, unsigned threads, WorkControl& control) {
  threads_ = threads;
  const auto key = NameCacheKey::of(build_id_, *sections_);
  if (auto known = key ? cache.load(*key) : std::nullopt) {
    index_ = std::make_shared<NameIndex>(std::move(*known));
    return {};
  }
  if (prebuilt_ != nullptr) {
    index_ = nullptr;
    return {};
  }
  for (const DwarfUnit& unit : units_) control.total += unit.end - unit.offset;
  auto index = scan(units_, threads, control);
  if (!index) return tl::unexpected(index.error());
  index_ = std::make_shared<NameIndex>(std::move(*index));
  if (key) cache.store(*key, *index_);
  return {};
}

Status NameFile::load_only(const WantedNames& wanted, unsigned threads, WorkControl& control) {
  auto index = scan(units_, threads, control, wanted);
  if (!index) return tl::unexpected(index.error());
  index_ = std::make_shared<NameIndex>(std::move(*index));
  return {};
}

const NameIndex& NameFile::index() const {
  const std::lock_guard guard(mutex_);
  if (index_ == nullptr) {
    WorkControl control;  // nobody cancels it
    index_ = std::make_shared<NameIndex>(*scan(units_, threads_, control));
  }
  return *index_;
}

std::shared_ptr<const NameIndex> NameFile::functions_index(const NameQuery& query,
                                                           bool& whole) const {
  const std::lock_guard guard(mutex_);
  whole = index_ != nullptr;
  if (whole) return index_;
  std::vector<DwarfUnit> wanted;
  for (const uint32_t number : prebuilt_->units_of(query)) wanted.push_back(units_[number]);
  WorkControl control;
  return std::make_shared<NameIndex>(*scan(wanted, threads_, control));
}

uint16_t language_of(const NameIndex& index, size_t name) {
  const NameIndex::Unit* const unit = index.unit_of(name);
  return unit != nullptr ? unit->language : 0;
}

bool NameFile::die_of(const NameIndex& index, size_t name, Dwarf_Die& die) const {
  const NameRecord& record = index.names()[name];
  const NameIndex::Unit* const unit = index.unit_of(name);
  const bool in_types = unit != nullptr && (unit->flags & NameIndex::Unit::is_in_types) != 0;
  const bool found = (in_types ? dwarf_offdie_types(dwarf_, record.die(), &die)
                               : dwarf_offdie(dwarf_, record.die(), &die)) != nullptr;
  return found && is_of_kind(dwarf_tag(&die), record.kind());
}

}  // namespace clew::sym
