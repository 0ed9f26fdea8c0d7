#include "sym/name_index.h"

#include <dwarf.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/worker.h"

namespace clew::sym {
namespace {

/// Deeper scopes than this are not named.
constexpr size_t most_scopes = 64;

std::string_view nameless(uint16_t tag) {
  switch (tag) {
    case DW_TAG_namespace:
      return "(anonymous namespace)";
    case DW_TAG_union_type:
      return "(anonymous union)";
    case DW_TAG_enumeration_type:
      return "(anonymous enum)";
    case DW_TAG_class_type:
      return "(anonymous class)";
    default:
      return "(anonymous struct)";
  }
}

}  // namespace

/// Scans on several threads and puts the parts together in the order of the units.
class NameIndex::Builder {
 public:
  Builder(const DwarfSections& sections, std::span<const DwarfUnit> units,
          std::span<const DwarfUnit> wanted, std::span<const DwarfUnit> alt_units,
          WorkControl& control, const WantedNames& names)
      : sections_(sections),
        units_(units),
        wanted_(wanted),
        alt_units_(alt_units),
        control_(control),
        names_(names) {}

  Result<NameIndex> build(unsigned threads);

 private:
  void work();
  NameIndex join();

  const DwarfSections& sections_;
  std::span<const DwarfUnit> units_;
  std::span<const DwarfUnit> wanted_;
  std::span<const DwarfUnit> alt_units_;
  WorkControl& control_;
  const WantedNames& names_;
  std::vector<size_t> order_;  // the largest unit first, so that none is left for the end
  std::vector<UnitNames> parts_;
  std::atomic<size_t> next_{0};
};

Result<NameIndex> NameIndex::Builder::build(unsigned threads) {
  order_.resize(wanted_.size());
  parts_.resize(wanted_.size());
  for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
  const auto size = [&](size_t i) { return wanted_[i].end - wanted_[i].offset; };
  std::stable_sort(order_.begin(), order_.end(),
                   [&](size_t a, size_t b) { return size(a) > size(b); });
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < threads && i < wanted_.size(); ++i)
    workers.push_back(start_worker([this] { work(); }));
  work();
  for (std::thread& worker : workers) worker.join();
  if (control_.cancelled) return fail(ErrorCode::cancelled, "reading names was interrupted");
  return join();
}

void NameIndex::Builder::work() {
  DwarfScanner scanner(sections_, units_, alt_units_);
  while (!control_.cancelled) {
    const size_t turn = next_.fetch_add(1);
    if (turn >= order_.size()) return;
    const DwarfUnit& unit = wanted_[order_[turn]];
    parts_[order_[turn]] = scanner.scan(unit, control_, names_);
  }
}

NameIndex NameIndex::Builder::join() {
  NameIndex index;
  size_t names = 0;
  size_t scopes = 0;
  for (const UnitNames& part : parts_) {
    names += part.names.size();
    scopes += part.scopes.size();
  }
  index.own_names_.reserve(names);
  index.own_scopes_.reserve(scopes);
  index.own_units_.reserve(parts_.size());
  for (UnitNames& part : parts_) {
    const auto first_scope = static_cast<uint32_t>(index.own_scopes_.size());
    // Counts beyond 32 bits would need more DIEs than a file of 100 GB has.
    if (index.own_names_.size() + part.names.size() >= no_scope ||
        index.own_scopes_.size() + part.scopes.size() >= no_scope)
      break;
    const auto moved = [&](uint32_t scope) {
      return scope == no_scope ? no_scope : scope + first_scope;
    };
    uint16_t flags = part.in_types ? Unit::is_in_types : uint16_t{0};
    if (part.is_broken) flags |= Unit::is_broken;
    index.own_units_.push_back(
        {part.unit, static_cast<uint32_t>(index.own_names_.size()), part.language, flags});
    for (ScopeRecord& scope : part.scopes) {
      scope.parent = moved(scope.parent);
      index.own_scopes_.push_back(scope);
    }
    for (NameRecord& name : part.names) {
      name.scope = moved(name.scope);
      index.own_names_.push_back(name);
    }
    part = {};
  }
  index.names_ = index.own_names_;
  index.scopes_ = index.own_scopes_;
  index.units_ = index.own_units_;
  return index;
}

Result<NameIndex> NameIndex::scan(const DwarfSections& sections, std::span<const DwarfUnit> units,
                                  std::span<const DwarfUnit> wanted,
                                  std::span<const DwarfUnit> alt_units, unsigned threads,
                                  WorkControl& control, const WantedNames& names) {
  return Builder(sections, units, wanted, alt_units, control, names).build(threads);
}

const NameIndex::Unit* NameIndex::unit_of(size_t name) const {
  const auto after = std::upper_bound(units_.begin(), units_.end(), name,
                                      [](size_t n, const Unit& u) { return n < u.first_name; });
  return after == units_.begin() ? nullptr : &*std::prev(after);
}

size_t NameIndex::broken_units() const {
  return static_cast<size_t>(std::count_if(units_.begin(), units_.end(), [](const Unit& unit) {
    return (unit.flags & Unit::is_broken) != 0;
  }));
}

std::string full_name(const DwarfSections& sections, const NameIndex& index,
                      const NameRecord& name) {
  std::vector<std::string_view> parts = {text_of(sections, name.name_ref())};
  for (uint32_t s = name.scope; s != no_scope && parts.size() < most_scopes;
       s = index.parent_of(s)) {
    const ScopeRecord* const scope = index.scope(s);
    if (scope == nullptr) break;
    const std::string_view text = text_of(sections, NameRef::from_bits(scope->name));
    // Enumerators of a plain enum are names of the scope around it.
    const bool is_plain_enum =
        scope->tag == DW_TAG_enumeration_type && (scope->flags & ScopeRecord::is_inline) != 0;
    // clang leaves the name out of functions of which only a static variable is left.
    const bool is_nameless_function = scope->tag == DW_TAG_subprogram && text.empty();
    if (!is_plain_enum && !is_nameless_function)
      parts.push_back(text.empty() ? nameless(scope->tag) : text);
  }
  std::string full;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!full.empty()) full += "::";
    full += *part;
  }
  return full;
}

}  // namespace clew::sym
