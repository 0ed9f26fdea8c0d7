#include "sym/dwarf_scan.h"

#include <dwarf.h>

#include <algorithm>
#include <unordered_map>

namespace clew::sym {
namespace {

/// Deeper nesting than compilers make; a unit that has it is broken.
constexpr size_t deepest_scope = 2000;
/// Steps from a definition to the declaration that has its name.
constexpr int longest_chain = 6;
/// Units whose scopes are kept because others refer to them: dwz makes small ones for that.
constexpr size_t most_foreign = 64;
constexpr unsigned hash_memory_bits = 12;
/// After this many bytes of .debug_info the pages read are given back, so that a walk keeps little
/// of it resident however large it is.
constexpr uint64_t give_back_after = 8 << 20;

/// A name of the alt file, as seen from the file that uses it.
NameRef as_alt(NameRef name) {
  switch (name.section()) {
    case NameRef::Section::info:
      return {NameRef::Section::alt_info, name.offset()};
    case NameRef::Section::str:
      return {NameRef::Section::alt_str, name.offset()};
    default:
      return {};
  }
}

}  // namespace

uint32_t ScopeExtents::around(uint64_t die) const {
  auto scope =
      static_cast<uint32_t>(std::lower_bound(starts.begin(), starts.end(), die) - starts.begin());
  if (scope == 0) return no_scope;
  for (--scope; scope != no_scope && ends[scope] != 0 && ends[scope] <= die;)
    scope = scopes[scope].parent;
  return scope;
}

/// The walk over one unit.
class DwarfScanner::Walk {
 public:
  Walk(DwarfScanner& scanner, File& file, const DwarfUnit& unit,
       const WantedNames* wanted = nullptr)
      : scanner_(scanner), file_(file), wanted_(wanted), reader_(file.readers.open(unit)) {}

  /// Collects scopes, and names too if these are wanted.
  UnitNames run(bool wants_names, WorkControl* control);
  ScopeExtents take_extents() { return std::move(extents_); }

 private:
  struct Level {
    uint32_t scope = no_scope;
    bool opened_scope = false;
    bool in_function = false;
  };

  bool step(DwarfCursor& at, bool wants_names);
  std::optional<uint64_t> behind_children(const DieRecipe& recipe, const DiePlace& die) const;
  bool open(const DieRecipe& recipe, const DiePlace& die, bool wants_names);
  void close(uint64_t end);
  void take_in(const DieRecipe& recipe, const DiePlace& die);
  std::optional<NameKind> kind_of(const DieRecipe& recipe, const DiePlace& die) const;
  bool is_wanted(NameKind kind, NameRef name) const;
  void settle_scopes();
  uint32_t outer_of(uint32_t scope);
  uint32_t number(uint32_t scope);
  uint32_t scope_of(const Declaration& declaration);
  uint32_t copy_scope(const ScopeExtents& from, uint32_t scope, bool in_alt);

  DwarfScanner& scanner_;
  File& file_;
  const WantedNames* wanted_;  // nullptr for all
  DieReader reader_;
  UnitNames names_;
  ScopeExtents extents_;
  std::vector<Level> levels_;
  struct Declared {
    size_t name;  // index of the definition
    Declaration declaration;
  };
  std::vector<Declared> declared_;
  std::unordered_map<uint32_t, Declaration> declared_scopes_;
  std::vector<uint32_t> numbers_;  // by scope: the number that it keeps
};

UnitNames DwarfScanner::Walk::run(bool wants_names, WorkControl* control) {
  const DwarfUnit& unit = reader_.unit();
  names_.unit = unit.offset;
  names_.in_types = unit.in_types;
  names_.language = reader_.language();
  DwarfCursor at = reader_.cursor_at(unit.first_die);
  levels_.push_back({});
  uint64_t given_back = unit.offset;
  while (!at.at_end()) {
    if (!step(at, wants_names)) {
      names_.is_broken = true;
      break;
    }
    const uint64_t here = reader_.offset_of(at.at());
    if (here - given_back < give_back_after) continue;
    scanner_.give_back(file_, reader_.section().subspan(given_back, here - given_back), control);
    given_back = here;
    if (control != nullptr && control->cancelled) break;
  }
  scanner_.give_back(file_, reader_.section().subspan(given_back, unit.end - given_back), control);
  if (wants_names) settle_scopes();
  return std::move(names_);
}

/// One DIE, or the end of a list of children. @return false when it makes no sense.
bool DwarfScanner::Walk::step(DwarfCursor& at, bool wants_names) {
  const std::byte* const start = at.at();
  const uint64_t code = at.uleb();
  if (code == 0) {
    if (levels_.size() > 1) close(reader_.offset_of(at.at()));
    return at.ok();  // units may be padded with zeros
  }
  DiePlace die;
  die.abbrev = reader_.plan().abbrevs.find(code);
  if (die.abbrev == nullptr) return false;
  die.values = at.at();
  if (!reader_.skip_values(*die.abbrev, at)) return false;
  const DieRecipe& recipe = reader_.plan().recipe(*die.abbrev);
  die.offset = reader_.offset_of(start);
  if (wants_names && recipe.role != DieRole::ignore) take_in(recipe, die);
  if (!die.abbrev->has_children) return true;
  if (recipe.may_skip_children) {
    const auto next = behind_children(recipe, die);
    if (next && *next >= reader_.offset_of(at.at())) {
      at = reader_.cursor_at(*next);
      return true;
    }
  }
  return open(recipe, die, wants_names);
}

std::optional<uint64_t> DwarfScanner::Walk::behind_children(const DieRecipe& recipe,
                                                            const DiePlace& die) const {
  const auto sibling = reader_.value(die, recipe.sibling);
  if (!sibling) return std::nullopt;
  const auto target = reader_.reference(*sibling);
  if (!target || target->in_alt || target->offset > reader_.unit().end) return std::nullopt;
  return target->offset;
}

bool DwarfScanner::Walk::open(const DieRecipe& recipe, const DiePlace& die, bool wants_names) {
  if (levels_.size() >= deepest_scope) return false;
  Level level = levels_.back();
  level.opened_scope = recipe.is_scope;
  level.in_function = level.in_function || recipe.role == DieRole::function;
  if (recipe.is_scope) {
    NameRef name;
    if (const auto own = reader_.value(die, recipe.name)) name = reader_.name(*own);
    const auto value = reader_.value(die, recipe.reference);
    const auto target = value ? reader_.reference(*value) : std::nullopt;
    if (target && (name.empty() || wants_names)) {
      const Declaration declaration = scanner_.follow(file_, reader_, *target);
      if (name.empty()) name = declaration.name;
      if (wants_names)
        declared_scopes_.emplace(static_cast<uint32_t>(extents_.scopes.size()), declaration);
    }
    if (name.empty()) name = scanner_.signed_name(file_, reader_, die);
    extents_.scopes.push_back({name.bits(), level.scope, die.abbrev->tag,
                               recipe.may_be_left_out ? ScopeRecord::is_inline : uint16_t{0}});
    extents_.starts.push_back(die.offset);
    extents_.ends.push_back(0);
    level.scope = static_cast<uint32_t>(extents_.scopes.size() - 1);
  }
  levels_.push_back(level);
  return true;
}

void DwarfScanner::Walk::close(uint64_t end) {
  if (levels_.back().opened_scope) extents_.ends[levels_.back().scope] = end;
  levels_.pop_back();
}

std::optional<NameKind> DwarfScanner::Walk::kind_of(const DieRecipe& recipe,
                                                    const DiePlace& die) const {
  const bool is_declaration = recipe.is_declaration || reader_.flag(die, recipe.declaration);
  switch (recipe.role) {
    case DieRole::function: {
      if (is_declaration) return std::nullopt;
      if (recipe.has_code) return NameKind::function;
      const auto inlined = reader_.value(die, recipe.inlined);
      const uint64_t how = inlined ? reader_.constant(*inlined) : uint64_t{DW_INL_not_inlined};
      if (how != DW_INL_inlined && how != DW_INL_declared_inlined) return std::nullopt;
      return NameKind::inlined_function;
    }
    case DieRole::variable: {
      // A constant in a class is a declaration that has its value all the same.
      if (recipe.has_constant && !levels_.back().in_function) return NameKind::variable;
      const auto location = reader_.value(die, recipe.location);
      if (is_declaration || !location || !reader_.is_fixed_place(*location)) return std::nullopt;
      return NameKind::variable;
    }
    case DieRole::enumerator:
      return NameKind::enumerator;
    case DieRole::type:
      return is_declaration ? std::nullopt : std::optional(NameKind::type);
    default:
      return std::nullopt;
  }
}

bool DwarfScanner::Walk::is_wanted(NameKind kind, NameRef name) const {
  return wanted_ == nullptr || (*wanted_)(kind, text_of(file_.readers.sections(), name));
}

void DwarfScanner::Walk::take_in(const DieRecipe& recipe, const DiePlace& die) {
  const auto kind = kind_of(recipe, die);
  if (!kind) return;
  NameRef name;
  if (const auto own = reader_.value(die, recipe.name)) name = reader_.name(*own);
  if (!name.empty() && !is_wanted(*kind, name)) return;
  if (const auto value = reader_.value(die, recipe.reference)) {
    if (const auto target = reader_.reference(*value)) {
      const Declaration declaration = scanner_.follow(file_, reader_, *target);
      if (name.empty()) name = declaration.name;
      if (!is_wanted(*kind, name)) return;
      if (!name.empty()) declared_.push_back({names_.names.size(), declaration});
    }
  }
  if (name.empty()) return;
  names_.names.emplace_back(name, die.offset, *kind, levels_.back().scope,
                            scanner_.hash_of(name, names_.language));
}

uint32_t DwarfScanner::Walk::scope_of(const Declaration& declaration) {
  const DwarfUnit& unit = reader_.unit();
  const uint64_t die = declaration.die;
  if (declaration.file == &file_ && die >= unit.first_die && die < unit.end)
    return extents_.around(die);
  const ScopeExtents* const foreign = scanner_.scopes_of(*declaration.file, die);
  if (foreign == nullptr) return no_scope;
  return copy_scope(*foreign, foreign->around(die), declaration.file != &file_);
}

/// Takes a scope of another unit, and those around it, over into this one's.
uint32_t DwarfScanner::Walk::copy_scope(const ScopeExtents& from, uint32_t scope, bool in_alt) {
  std::vector<uint32_t> chain;
  for (; scope != no_scope && chain.size() < deepest_scope; scope = from.scopes[scope].parent)
    chain.push_back(scope);
  uint32_t parent = no_scope;
  for (auto i = chain.rbegin(); i != chain.rend(); ++i) {
    ScopeRecord record = from.scopes[*i];
    if (in_alt) record.name = as_alt(NameRef::from_bits(record.name)).bits();
    record.parent = parent;
    parent = static_cast<uint32_t>(extents_.scopes.size());
    extents_.scopes.push_back(record);
  }
  return parent;
}

/// What a scope lies in: where it was declared, or else where it stands.
uint32_t DwarfScanner::Walk::outer_of(uint32_t scope) {
  const auto declared = declared_scopes_.find(scope);
  return declared == declared_scopes_.end() ? extents_.scopes[scope].parent
                                            : scope_of(declared->second);
}

/// @return the number that a scope keeps. It and those around it get one, from the outside in.
uint32_t DwarfScanner::Walk::number(uint32_t scope) {
  constexpr uint32_t pending = no_scope - 1;
  std::vector<uint32_t> chain;
  while (scope != no_scope && chain.size() < deepest_scope) {
    if (scope >= numbers_.size()) numbers_.resize(extents_.scopes.size(), no_scope);
    if (numbers_[scope] != no_scope) break;
    numbers_[scope] = pending;
    chain.push_back(scope);
    scope = outer_of(scope);
  }
  // Declarations of broken data can lie in one another.
  uint32_t parent = scope != no_scope && scope < numbers_.size() && numbers_[scope] != pending
                        ? numbers_[scope]
                        : no_scope;
  for (auto i = chain.rbegin(); i != chain.rend(); ++i) {
    ScopeRecord record = extents_.scopes[*i];
    record.parent = parent;
    parent = numbers_[*i] = static_cast<uint32_t>(names_.scopes.size());
    names_.scopes.push_back(record);
  }
  return parent;
}

/// Gives definitions the scopes of their declarations, and drops the scopes that hold nothing.
void DwarfScanner::Walk::settle_scopes() {
  for (const Declared& d : declared_) names_.names[d.name].scope = scope_of(d.declaration);
  for (NameRecord& name : names_.names) name.scope = number(name.scope);
}

DwarfScanner::DwarfScanner(const DwarfSections& sections, std::span<const DwarfUnit> units,
                           std::span<const DwarfUnit> alt_units)
    : main_{DieReaders(sections, units)}, hashes_(size_t{1} << hash_memory_bits) {
  if (sections.alt() != nullptr) alt_.emplace(File{DieReaders(*sections.alt(), alt_units), true});
}

UnitNames DwarfScanner::scan(const DwarfUnit& unit, WorkControl& control,
                             const WantedNames& wanted) {
  return Walk(*this, main_, unit, wanted ? &wanted : nullptr).run(true, &control);
}

DwarfScanner::Declaration DwarfScanner::follow(File& file, const DieReader& reader,
                                               const DieReference& reference, int chain) {
  if (chain >= longest_chain) return {{}, &file, reference.offset};
  File* const target = reference.in_alt ? (alt_ ? &*alt_ : nullptr) : &file;
  if (target == nullptr) return {{}, &file, 0};
  std::optional<DieReader> other;  // when it lies in another unit
  const DieReader* in = &reader;
  auto place = reference.in_alt ? std::nullopt : reader.die_at(reference.offset);
  if (!place) {
    const DwarfUnit* const unit = target->readers.unit_at(reference.offset);
    if (unit == nullptr) return {{}, &file, 0};
    in = &other.emplace(target->readers.open(*unit));
    place = in->die_at(reference.offset);
  }
  if (!place) return {{}, &file, 0};
  const DieRecipe& recipe = in->plan().recipe(*place->abbrev);
  Declaration found{{}, target, reference.offset};
  if (const auto name = in->value(*place, recipe.name)) found.name = in->name(*name);
  const auto value = in->value(*place, recipe.reference);
  if (const auto next = value ? in->reference(*value) : std::nullopt) {
    const Declaration further = follow(*target, *in, *next, chain + 1);
    found.file = further.file;
    found.die = further.die;
    if (found.name.empty()) found.name = further.name;
  }
  if (found.name.empty()) found.name = signed_name(*target, *in, *place);
  if (target->is_alt && !file.is_alt) found.name = as_alt(found.name);
  return found;
}

/// The name of a type that its unit has only the signature of, because it has moved to a type unit.
NameRef DwarfScanner::signed_name(File& file, const DieReader& reader, const DiePlace& die) {
  const auto value = reader.value(die, reader.plan().recipe(*die.abbrev).signature);
  const auto signature = value ? reader.signature(*value) : std::nullopt;
  const DwarfUnit* const unit = signature ? file.readers.type_unit(*signature) : nullptr;
  if (unit == nullptr) return {};
  const DieReader other = file.readers.open(*unit);
  const auto type = other.die_at(unit->type_die);
  if (!type) return {};
  const auto name = other.value(*type, other.plan().recipe(*type->abbrev).name);
  return name ? other.name(*name) : NameRef();
}

const ScopeExtents* DwarfScanner::scopes_of(File& file, uint64_t die) {
  const DwarfUnit* const unit = file.readers.unit_at(die);
  if (unit == nullptr) return nullptr;
  const auto known = std::find_if(foreign_.begin(), foreign_.end(),
                                  [&](const ForeignScopes& f) { return f.unit == unit; });
  if (known != foreign_.end()) {
    foreign_.splice(foreign_.begin(), foreign_, known);
    return &foreign_.front().extents;
  }
  Walk walk(*this, file, *unit);
  walk.run(false, nullptr);
  foreign_.push_front({unit, walk.take_extents()});
  if (foreign_.size() > most_foreign) foreign_.pop_back();
  return &foreign_.front().extents;
}

uint32_t DwarfScanner::hash_of(NameRef name, uint16_t language) {
  constexpr uint64_t spread = 0x9e3779b97f4a7c15;
  KnownHash& known = hashes_[name.bits() * spread >> (64 - hash_memory_bits)];
  if (known.name != name.bits()) {
    const std::string_view text = text_of(main_.readers.sections(), name);
    known = {name.bits(), hash_name(base_name(text, language))};
  }
  return known.hash;
}

void DwarfScanner::give_back(const File& file, Bytes bytes, WorkControl* control) {
  if (control != nullptr) control->done += bytes.size();
  const DwarfSections& sections = file.readers.sections();
  sections.give_back(bytes);
  read_since_ += bytes.size();
  if (read_since_ < give_back_after) return;
  read_since_ = 0;
  sections.give_back(sections.str());
}

}  // namespace clew::sym
