#include "session/die_parent.h"

namespace clew {

std::optional<Dwarf_Die> parent_of(const Dwarf_Die& die) {
  // Entries stand in the order of their offsets (DWARF 5, 2.3): on each level the last one that
  // does not begin behind the wanted one holds it.
  constexpr int most_depth = 256;
  Dwarf_Die wanted = die;
  Dwarf_Die around;
  if (dwarf_diecu(&wanted, &around, nullptr, nullptr) == nullptr) return std::nullopt;
  const Dwarf_Off offset = dwarf_dieoffset(&wanted);
  for (int depth = 0; depth < most_depth; ++depth) {
    Dwarf_Die child;
    if (dwarf_child(&around, &child) != 0) return std::nullopt;
    Dwarf_Die last = child;
    while (dwarf_dieoffset(&child) <= offset) {
      last = child;
      if (dwarf_siblingof(&last, &child) != 0) break;
    }
    if (dwarf_dieoffset(&last) == offset) return around;
    if (dwarf_dieoffset(&last) > offset) return std::nullopt;
    around = last;
  }
  return std::nullopt;
}

}  // namespace clew
