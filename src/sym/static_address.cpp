#include "sym/static_address.h"

#include <dwarf.h>

#include <cstring>

namespace clew::sym {
namespace {

/// A block that is DW_OP_addr and nothing else. Go's linker writes locations as DW_FORM_block1 in
/// DWARF 5 too, which dwarf_getlocation() does not take for expressions.
std::optional<uint64_t> plain_address(Dwarf_Attribute& location) {
  Dwarf_Block block;
  uint64_t address = 0;
  if (dwarf_formblock(&location, &block) != 0 || block.length != 1 + sizeof address ||
      block.data[0] != DW_OP_addr)
    return std::nullopt;
  std::memcpy(&address, block.data + 1, sizeof address);
  return address;
}

}  // namespace

std::optional<uint64_t> static_address(const Module& module, const Dwarf_Die& variable) {
  Dwarf_Die die = variable;
  Dwarf_Attribute location;
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_attr_integrate(&die, DW_AT_location, &location) == nullptr) return std::nullopt;
  if (const auto address = plain_address(location)) return *address + module.debug_bias();
  if (dwarf_getlocation(&location, &ops, &count) != 0 || count != 1) return std::nullopt;
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
