#include "sym/inlined_copies.h"

#include <dwarf.h>

#include <algorithm>

namespace clew::sym {
namespace {

bool leaves_unit(uint16_t form) {
  return form == DW_FORM_ref_addr || form == DW_FORM_GNU_ref_alt || form == DW_FORM_ref_sup4 ||
         form == DW_FORM_ref_sup8 || form == DW_FORM_indirect;
}

/// True when inlined copies in units with these abbreviations can be of functions of other units.
bool refers_elsewhere(const DiePlan& plan) {
  for (const DwarfAbbrev& abbrev : plan.abbrevs.all()) {
    const int16_t reference = plan.recipe(abbrev).reference;
    if (abbrev.tag != DW_TAG_inlined_subroutine || reference < 0) continue;
    const auto attributes = plan.abbrevs.attributes(abbrev);
    if (leaves_unit(attributes[static_cast<size_t>(reference)].form)) return true;
  }
  return false;
}

bool holds_any(const DwarfUnit& unit, const std::set<uint64_t>& origins) {
  const auto first = origins.lower_bound(unit.offset);
  return first != origins.end() && *first < unit.end;
}

void search(const DieReader& reader, const InlinedOrigins& origins, size_t limit,
            std::vector<uint64_t>& found) {
  DwarfCursor at = reader.cursor_at(reader.unit().first_die);
  while (!at.at_end() && found.size() < limit) {
    DiePlace die;
    die.offset = reader.offset_of(at.at());
    const uint64_t code = at.uleb();
    if (code == 0) continue;
    die.abbrev = reader.plan().abbrevs.find(code);
    if (die.abbrev == nullptr) return;
    die.values = at.at();
    if (!reader.skip_values(*die.abbrev, at)) return;
    if (die.abbrev->tag != DW_TAG_inlined_subroutine) continue;
    const auto value = reader.value(die, reader.plan().recipe(*die.abbrev).reference);
    const auto origin = value ? reader.reference(*value) : std::nullopt;
    if (!origin) continue;
    const std::set<uint64_t>& wanted = origin->in_alt ? origins.in_alt : origins.here;
    if (wanted.count(origin->offset) != 0) found.push_back(die.offset);
  }
}

}  // namespace

std::vector<uint64_t> find_inlined_copies(const DwarfSections& sections,
                                          std::span<const DwarfUnit> units,
                                          const InlinedOrigins& origins, size_t limit) {
  std::vector<uint64_t> found;
  if (origins.empty()) return found;
  DieReaders readers(sections, units);
  for (const DwarfUnit& unit : units) {
    if (unit.in_types || found.size() >= limit) break;
    const bool is_own = holds_any(unit, origins.here);
    const DieReader reader = readers.open(unit);
    if (!is_own && !refers_elsewhere(reader.plan())) continue;
    search(reader, origins, limit, found);
    sections.give_back(reader.section().subspan(unit.offset, unit.end - unit.offset));
  }
  return found;
}

}  // namespace clew::sym
