#include "sym/module_names.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>

#include <algorithm>
#include <unordered_set>

#include "sym/code_tables.h"
#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"
#include "sym/inlined_copies.h"
#include "sym/type_text.h"

namespace clew::sym {
namespace {

/// Names are compared and counted between two looks at whether the work was given up.
constexpr size_t names_a_look = 1024;

BuildId build_id_of(Dwarf* dwarf) {
  const void* bits = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(dwarf_getelf(dwarf), &bits);
  if (size <= 0) return {};
  return {std::string(static_cast<const char*>(bits), static_cast<size_t>(size))};
}

}  // namespace

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
    if (auto loaded = file->load(cache, threads, control); !loaded)
      return tl::unexpected(loaded.error());
  }
  return names;
}

Result<std::shared_ptr<const ModuleNames>> ModuleNames::load_only(
    std::shared_ptr<const Module> module, const WantedNames& wanted, unsigned threads,
    WorkControl& control) {
  std::shared_ptr<ModuleNames> names(new ModuleNames(std::move(module)));
  names->add_files();
  for (const auto& file : names->files_) {
    if (auto loaded = file->load_only(wanted, threads, control); !loaded)
      return tl::unexpected(loaded.error());
  }
  return names;
}

void ModuleNames::add_files() {
  const auto lock = module_->lock();
  Dwarf* const dwarf = module_->dwarf();
  if (dwarf == nullptr) return;
  const NameFile* alt = nullptr;
  if (Dwarf* const alt_dwarf = dwarf_getalt(dwarf)) {
    alt =
        files_.emplace_back(std::make_unique<NameFile>(alt_dwarf, nullptr, build_id_of(alt_dwarf)))
            .get();
  }
  const ElfImage& image = module_->debug_image();
  files_.push_back(std::make_unique<NameFile>(dwarf, &image, image.build_id()));
  if (alt != nullptr) files_.back()->set_alt(*alt);
  add_split_files();
}

/// The parts of units that were left in other files (-gsplit-dwarf), each of which libdw has as a
/// file of its own.
void ModuleNames::add_split_files() {
  const std::vector<DwarfUnit>& units = files_.back()->units();
  const bool may_be_split =
      std::any_of(units.begin(), units.end(),
                  [](const DwarfUnit& unit) { return unit.type == DW_UT_skeleton; }) ||
      // The form before DWARF 5 has ordinary units as skeletons, but always this section.
      (module_->debug_image().find_section(".debug_addr") != nullptr &&
       std::any_of(units.begin(), units.end(),
                   [](const DwarfUnit& unit) { return unit.format.version < 5; }));
  if (!may_be_split) return;
  Dwarf* const dwarf = module_->dwarf();
  std::unordered_set<Dwarf*> known = {dwarf};
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  Dwarf_Die die;
  while (dwarf_get_units(dwarf, unit, &next, nullptr, nullptr, &die, nullptr) == 0) {
    unit = next;
    module_->complete_unit(die);
    Dwarf* const split = dwarf_cu_getdwarf(die.cu);
    if (known.insert(split).second)
      files_.push_back(std::make_unique<NameFile>(split, nullptr, BuildId()));
  }
}

size_t ModuleNames::broken_units() const {
  size_t count = 0;
  for (const auto& file : files_) count += file->index().broken_units();
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
  // Those without debug information, and aliases.
  if (places.empty()) add_symbols(query, places);
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
  const NameFile* before = nullptr;
  InlinedOrigins origins;
  for (const auto& file : files_) {
    // What the file of dwz has found is referred to by the one behind it.
    origins.in_alt = file->alt() != nullptr && file->alt() == before ? std::move(origins.here)
                                                                     : std::set<uint64_t>();
    origins.here.clear();
    before = file.get();
    bool whole = false;
    const auto index = file->functions_index(query, whole);
    const size_t found_before = places.size();
    add_functions(*file, *index, query, places, origins);
    // The file's own index leaves out what is local to functions, and may be wrong.
    if (!whole && places.size() == found_before && origins.here.empty())
      add_functions(*file, file->index(), query, places, origins);
    const bool is_alt = file != files_.back() && files_[1]->alt() == file.get();
    if (!is_alt) add_inlined(*file, origins, places);
  }
}

void ModuleNames::add_functions(const NameFile& file, const NameIndex& index,
                                const NameQuery& query, std::vector<FunctionAt>& places,
                                InlinedOrigins& origins) const {
  for (const NameQuery::Hit& hit : query.find(file.sections(), index, function_kinds)) {
    const NameRecord& record = index.names()[hit.name];
    Dwarf_Die die;
    if (!file.die_of(index, hit.name, die)) continue;
    if (hit.match != NameMatch::yes && !confirms(query, die)) continue;
    if (record.kind() == NameKind::inlined_function) {
      origins.here.insert(record.die());
      continue;
    }
    FunctionAt place = place_of(die, full_name(file.sections(), index, record));
    place.language = language_of(index, hit.name);
    if (is_code(place) && places.size() < most_places) places.push_back(std::move(place));
  }
}

void ModuleNames::add_inlined(const NameFile& file, const InlinedOrigins& origins,
                              std::vector<FunctionAt>& places) const {
  for (const uint64_t offset :
       find_inlined_copies(file.sections(), file.units(), origins, most_places)) {
    Dwarf_Die die;
    if (places.size() >= most_places) return;
    if (dwarf_offdie(file.dwarf(), offset, &die) == nullptr) continue;
    FunctionAt place = place_of(die, {});
    if (!is_code(place)) continue;
    const FunctionName& name = module_->code_tables().name_of(die);
    place.name = name.name;
    place.language = name.language;
    place.is_inlined = true;
    places.push_back(std::move(place));
  }
}

/// Functions that the symbols name.
void ModuleNames::add_symbols(const NameQuery& query, std::vector<FunctionAt>& places) const {
  std::unordered_set<uint64_t> known;
  for (const Symbol& symbol : module_->symbols().by_address()) {
    const bool is_code = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
    if (!is_code || !query.may_match_symbol(symbol.name) || known.count(symbol.address) != 0)
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
  // What strip(1) leaves of a program in Go.
  const GoTable* const table = places.empty() ? go_table(*module_) : nullptr;
  if (table == nullptr) return;
  for (const GoTable::Function& function : table->functions()) {
    const std::string name(function.name);
    if (!query.matches(name) || places.size() >= most_places) continue;
    FunctionAt place;
    place.name = name;
    place.entry = function.start;
    place.language = DW_LANG_Go;
    places.push_back(std::move(place));
  }
}

std::vector<FoundName> ModuleNames::find(const NameQuery& query, NameKinds kinds) const {
  std::vector<FoundName> found;
  const auto lock = module_->lock();
  std::unordered_set<std::string> variables;
  for (const auto& file : files_) {
    const NameIndex& index = file->index();
    for (const NameQuery::Hit& hit : query.find(file->sections(), index, kinds)) {
      FoundName name;
      const NameRecord& record = index.names()[hit.name];
      if (found.size() >= most_places || !file->die_of(index, hit.name, name.die)) continue;
      if (hit.match == NameMatch::ask_arguments &&
          !query.matches_arguments(template_arguments(*module_, name.die), record.kind()))
        continue;
      name.name = full_name(file->sections(), index, record);
      name.kind = record.kind();
      name.language = language_of(index, hit.name);
      if (name.kind == NameKind::variable) variables.insert(name.name);
      found.push_back(std::move(name));
    }
  }
  if (!kinds.has(NameKind::variable) || !variables.empty()) return found;
  for (const Symbol& symbol : module_->symbols().by_address()) {
    const bool is_data = symbol.type == STT_OBJECT || symbol.type == STT_TLS;
    if (!is_data || !query.may_match_symbol(symbol.name)) continue;
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
    const NameIndex& index = files_[f]->index();
    const auto names = index.names();
    for (size_t i = 0; i < names.size(); ++i) {
      if (i % names_a_look == 0 && control.cancelled)
        return fail(ErrorCode::cancelled, "the search was interrupted");
      if (!kinds.has(names[i].kind())) continue;
      std::string name = full_name(files_[f]->sections(), index, names[i]);
      if (wanted(name)) found.push_back({f, i, std::move(name)});
    }
  }
  return found;
}

FoundName ModuleNames::resolve(const Listed& listed) const {
  const auto lock = module_->lock();
  const NameFile& file = *files_[listed.file];
  const NameIndex& index = file.index();
  FoundName found;
  found.name = listed.name;
  found.kind = index.names()[listed.index].kind();
  found.language = language_of(index, listed.index);
  if (!file.die_of(index, listed.index, found.die)) found.die = {};
  return found;
}

}  // namespace clew::sym
