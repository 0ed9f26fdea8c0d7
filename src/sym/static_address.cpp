#include "sym/static_address.h"

#include <dwarf.h>

namespace clew::sym {

std::optional<uint64_t> static_address(const Module& module, const Dwarf_Die& variable) {
  Dwarf_Die die = variable;
  Dwarf_Attribute location;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_attr_integrate(&die, DW_AT_location, &location) == nullptr ||
      dwarf_getlocation(&location, &ops, &count) != 0 || count != 1)
    return std::nullopt;
  if (ops[0].atom == DW_OP_addr) return ops[0].number + module.debug_bias();
  Dwarf_Attribute indexed;
  Dwarf_Addr address = 0;
  const bool is_index = ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index;
  if (!is_index || dwarf_getlocation_attr(&location, ops, &indexed) != 0 ||
      dwarf_formaddr(&indexed, &address) != 0)
    return std::nullopt;
  return address + module.debug_bias();
}

}  // namespace clew::sym
