#include "sym/module_names.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>

#include <algorithm>
#include <unordered_set>

#include "sym/code_tables.h"
#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"
#include "sym/dwarf_data.h"
#include "sym/inlined_copies.h"
#include "sym/type_text.h"

namespace clew::sym {
namespace {

/// Names are compared and counted between two looks at whether the work was given up.
constexpr size_t names_a_look = 1024;

DwarfSections::InMemory sections_of(Dwarf* dwarf) {
  return {dwarf_section(dwarf, ".debug_info"),     dwarf_section(dwarf, ".debug_types"),
          dwarf_section(dwarf, ".debug_abbrev"),   dwarf_section(dwarf, ".debug_str"),
          dwarf_section(dwarf, ".debug_line_str"), dwarf_section(dwarf, ".debug_str_offsets")};
}

bool is_compressed(const ElfImage& image) {
  const ElfImage::Section* const info = image.find_section(".debug_info");
  return info == nullptr || (info->flags & SHF_COMPRESSED) != 0;
}

BuildId build_id_of(Dwarf* dwarf) {
  const void* bits = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(dwarf_getelf(dwarf), &bits);
  if (size <= 0) return {};
  return {std::string(static_cast<const char*>(bits), static_cast<size_t>(size))};
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

/// The debug information of one file: the module's own, the one that dwz has made for several, or
/// one of those that it was split into.
struct ModuleNames::File {
  Dwarf* dwarf = nullptr;
  BuildId build_id;
  std::unique_ptr<DwarfSections> sections;
  std::vector<DwarfUnit> units;
  NameIndex index;
  const File* alt = nullptr;  ///< the one of dwz that this refers to
  bool is_alt = false;

  /// The DIE of a name. @return false when it is not one of the name's kind: the index is not that
  /// of this file after all.
  bool die_at(const NameRecord& name, size_t number, Dwarf_Die& die) const {
    const bool found = (is_in_types(number) ? dwarf_offdie_types(dwarf, name.die(), &die)
                                            : dwarf_offdie(dwarf, name.die(), &die)) != nullptr;
    return found && is_of_kind(dwarf_tag(&die), name.kind());
  }
  uint16_t language_of(size_t name) const {
    const NameIndex::Unit* const unit = index.unit_of(name);
    return unit != nullptr ? unit->language : 0;
  }
  bool is_in_types(size_t name) const {
    const NameIndex::Unit* const unit = index.unit_of(name);
    return unit != nullptr && (unit->flags & NameIndex::Unit::is_in_types) != 0;
  }
};

ModuleNames::ModuleNames(std::shared_ptr<const Module> module)
    : module_(std::move(module)), code_(module_->debug_image()) {}

ModuleNames::~ModuleNames() = default;

Result<std::shared_ptr<const ModuleNames>> ModuleNames::load(std::shared_ptr<const Module> module,
                                                             const NameCache& cache,
                                                             unsigned threads,
                                                             WorkControl& control) {
  std::shared_ptr<ModuleNames> names(new ModuleNames(std::move(module)));
  names->add_files();
  for (const auto& file : names->files_) {
    const auto key = NameCacheKey::of(file->build_id, *file->sections);
    auto known = key ? cache.load(*key) : std::nullopt;
    file->units = read_dwarf_units(*file->sections);
    if (known) {
      file->index = std::move(*known);
      continue;
    }
    for (const DwarfUnit& unit : file->units) control.total += unit.end - unit.offset;
    const std::span<const DwarfUnit> alt_units = file->alt != nullptr
                                                     ? std::span<const DwarfUnit>(file->alt->units)
                                                     : std::span<const DwarfUnit>();
    auto index = NameIndex::scan(*file->sections, file->units, alt_units, threads, control);
    if (!index) return tl::unexpected(index.error());
    file->index = std::move(*index);
    if (key) cache.store(*key, file->index);
  }
  return names;
}

void ModuleNames::add_files() {
  const auto lock = module_->lock();
  Dwarf* const dwarf = module_->dwarf();
  if (dwarf == nullptr) return;
  File* alt = nullptr;
  if (Dwarf* const alt_dwarf = dwarf_getalt(dwarf)) {
    alt = files_.emplace_back(std::make_unique<File>()).get();
    alt->dwarf = alt_dwarf;
    alt->is_alt = true;
    alt->build_id = build_id_of(alt_dwarf);
    alt->sections = std::make_unique<DwarfSections>(sections_of(alt_dwarf));
  }
  File& main = *files_.emplace_back(std::make_unique<File>());
  main.dwarf = dwarf;
  main.build_id = module_->debug_image().build_id();
  main.alt = alt;
  // A mapping of our own can be given back page by page; what had to be decompressed is libdw's.
  main.sections = is_compressed(module_->debug_image())
                      ? std::make_unique<DwarfSections>(sections_of(dwarf))
                      : std::make_unique<DwarfSections>(module_->debug_image());
  if (alt != nullptr) main.sections->set_alt(alt->sections.get());
}

size_t ModuleNames::broken_units() const {
  size_t count = 0;
  for (const auto& file : files_) count += file->index.broken_units();
  return count;
}

bool ModuleNames::confirms(const NameQuery& query, const Dwarf_Die& function) const {
  const FunctionName& name = module_->code_tables().name_of(function);
  if (!name.linkage_name.empty()) {
    const std::string whole = demangle(name.linkage_name);
    if (whole != name.linkage_name) return query.matches(whole);
  }
  return query.matches(name.name + parameter_types(*module_, function));
}

FunctionAt ModuleNames::place_of(const Dwarf_Die& die, std::string name) const {
  FunctionAt place;
  place.name = std::move(name);
  place.die = die;
  place.entry = entry_of(die);
  if (place.entry != 0) place.entry += module_->debug_bias();
  for (const unsigned attribute : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    Dwarf_Die copy = die;
    Dwarf_Attribute found;
    if (dwarf_attr_integrate(&copy, attribute, &found) == nullptr) continue;
    if (const char* const text = dwarf_formstring(&found)) place.linkage_name = text;
    break;
  }
  return place;
}

std::vector<FunctionAt> ModuleNames::functions(const NameQuery& query) const {
  std::vector<FunctionAt> places;
  {
    const auto lock = module_->lock();
    add_functions(query, places);
  }
  add_symbols(query, places);
  std::stable_sort(places.begin(), places.end(), [](const FunctionAt& a, const FunctionAt& b) {
    return std::pair(a.entry, a.is_inlined) < std::pair(b.entry, b.is_inlined);
  });
  return places;
}

/// Linkers leave the debug information of what they have dropped.
bool ModuleNames::is_code(const FunctionAt& place) const {
  return place.entry != 0 && code_.contains(place.entry - module_->debug_bias());
}

void ModuleNames::add_functions(const NameQuery& query, std::vector<FunctionAt>& places) const {
  const File* before = nullptr;
  InlinedOrigins origins;
  for (const auto& file : files_) {
    // What the file of dwz has found is referred to by the one behind it.
    origins.in_alt = file->alt != nullptr && file->alt == before ? std::move(origins.here)
                                                                 : std::set<uint64_t>();
    origins.here.clear();
    before = file.get();
    for (const NameQuery::Hit& hit : query.find(*file->sections, file->index, function_kinds)) {
      const NameRecord& record = file->index.names()[hit.name];
      Dwarf_Die die;
      if (!file->die_at(record, hit.name, die)) continue;
      if (hit.match == NameMatch::ask_linkage_name && !confirms(query, die)) continue;
      if (record.kind() == NameKind::inlined_function) {
        origins.here.insert(record.die());
        continue;
      }
      FunctionAt place = place_of(die, full_name(*file->sections, file->index, record));
      place.language = file->language_of(hit.name);
      if (is_code(place) && places.size() < most_places) places.push_back(std::move(place));
    }
    if (!file->is_alt) add_inlined(*file, origins, places);
  }
}

void ModuleNames::add_inlined(const File& file, const InlinedOrigins& origins,
                              std::vector<FunctionAt>& places) const {
  for (const uint64_t offset :
       find_inlined_copies(*file.sections, file.units, origins, most_places)) {
    Dwarf_Die die;
    if (places.size() >= most_places) return;
    if (dwarf_offdie(file.dwarf, offset, &die) == nullptr) continue;
    FunctionAt place = place_of(die, {});
    if (!is_code(place)) continue;
    const FunctionName& name = module_->code_tables().name_of(die);
    place.name = name.name;
    place.language = name.language;
    place.is_inlined = true;
    places.push_back(std::move(place));
  }
}

/// Functions that only the symbols name: those without debug information, and aliases.
void ModuleNames::add_symbols(const NameQuery& query, std::vector<FunctionAt>& places) const {
  // Aliases are C's way: when the debug information knows the name, no mangled one is looked for.
  const bool with_mangled = places.empty();
  std::unordered_set<uint64_t> known;
  for (const FunctionAt& place : places) {
    if (!place.is_inlined) known.insert(place.entry);
  }
  for (const Symbol& symbol : module_->symbols().by_address()) {
    const bool is_code = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
    if (!is_code || !query.may_match_symbol(symbol.name, with_mangled) ||
        known.count(symbol.address) != 0)
      continue;
    const std::string name = demangle(symbol.name);
    // The part of a function that is seldom run begins in its middle.
    if (symbol.name.find(".cold") != symbol.name.npos || !query.matches(name)) continue;
    if (places.size() >= most_places) return;
    known.insert(symbol.address);
    FunctionAt place;
    const auto around = functions_at(*module_, symbol.address);
    if (!around.empty() && around.back().entry == symbol.address) place = around.back();
    place.entry = symbol.address;
    if (place.die.addr == nullptr && name != symbol.name) place.linkage_name = symbol.name;
    place.name = demangle_plain(symbol.name);
    places.push_back(std::move(place));
  }
}

std::vector<FoundName> ModuleNames::find(const NameQuery& query, NameKinds kinds) const {
  std::vector<FoundName> found;
  const auto lock = module_->lock();
  std::unordered_set<std::string> variables;
  for (const auto& file : files_) {
    for (const NameQuery::Hit& hit : query.find(*file->sections, file->index, kinds)) {
      const NameRecord& record = file->index.names()[hit.name];
      FoundName name;
      if (found.size() >= most_places || !file->die_at(record, hit.name, name.die)) continue;
      name.name = full_name(*file->sections, file->index, record);
      name.kind = record.kind();
      name.language = file->language_of(hit.name);
      if (name.kind == NameKind::variable) variables.insert(name.name);
      found.push_back(std::move(name));
    }
  }
  if (!kinds.has(NameKind::variable)) return found;
  const bool with_mangled = found.empty();
  for (const Symbol& symbol : module_->symbols().by_address()) {
    const bool is_data = symbol.type == STT_OBJECT || symbol.type == STT_TLS;
    if (!is_data || !query.may_match_symbol(symbol.name, with_mangled)) continue;
    std::string name = demangle(symbol.name);
    if (!query.matches(name) || !variables.insert(name).second) continue;
    if (found.size() >= most_places) break;
    found.push_back({std::move(name), NameKind::variable, {}, 0, symbol.address});
  }
  return found;
}

Result<std::vector<ModuleNames::Listed>> ModuleNames::list(
    NameKinds kinds, const std::function<bool(const std::string&)>& wanted,
    const WorkControl& control) const {
  std::vector<Listed> found;
  for (size_t f = 0; f < files_.size(); ++f) {
    const File& file = *files_[f];
    const auto names = file.index.names();
    for (size_t i = 0; i < names.size(); ++i) {
      if (i % names_a_look == 0 && control.cancelled)
        return fail(ErrorCode::cancelled, "the search was interrupted");
      if (!kinds.has(names[i].kind())) continue;
      std::string name = full_name(*file.sections, file.index, names[i]);
      if (wanted(name)) found.push_back({f, i, std::move(name)});
    }
  }
  return found;
}

FoundName ModuleNames::resolve(const Listed& listed) const {
  const auto lock = module_->lock();
  const File& file = *files_[listed.file];
  const NameRecord& record = file.index.names()[listed.index];
  FoundName found;
  found.name = listed.name;
  found.kind = record.kind();
  found.language = file.language_of(listed.index);
  if (!file.die_at(record, listed.index, found.die)) found.die = {};
  return found;
}

}  // namespace clew::sym
