#include "sym/dwarf_attribute.h"

#include <dwarf.h>

namespace clew::sym {

std::string_view string_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  if (dwarf_attr(&entry, name, &attribute) == nullptr) return {};
  const char* const text = dwarf_formstring(&attribute);
  return text == nullptr ? std::string_view() : text;
}

std::optional<uint64_t> number_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr(&entry, name, &attribute) == nullptr || dwarf_formudata(&attribute, &value) != 0)
    return std::nullopt;
  return value;
}

bool reference_attribute(const Dwarf_Die& die, unsigned name, Dwarf_Die& target) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  return dwarf_attr(&entry, name, &attribute) != nullptr &&
         dwarf_formref_die(&attribute, &target) != nullptr;
}

bool step_to_origin(const Dwarf_Die& die, Dwarf_Die& origin) {
  return reference_attribute(die, DW_AT_abstract_origin, origin) ||
         reference_attribute(die, DW_AT_specification, origin);
}

Dwarf_Die origin_of(const Dwarf_Die& die) {
  Dwarf_Die entry = die;
  Dwarf_Die next;
  for (int i = 0; i < most_origin_steps && step_to_origin(entry, next); ++i) entry = next;
  return entry;
}

uint64_t entry_of(const Dwarf_Die& function) {
  Dwarf_Die die = function;
  Dwarf_Addr entry = 0;
  if (dwarf_entrypc(&die, &entry) == 0 && entry != 0) return entry;
  // DWARF 5, 2.18: otherwise the first address of the first range.
  Dwarf_Addr base = 0;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  return dwarf_ranges(&die, 0, &base, &start, &end) > 0 ? start : 0;
}

}  // namespace clew::sym
