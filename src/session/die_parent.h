#pragma once

#include <elfutils/libdw.h>

#include <optional>

namespace clew {

/// The entry that another one stands in: an enumerator's enumeration, a static member's class.
/// Needs the module's lock. @return nullopt for a unit itself and for what cannot be read.
std::optional<Dwarf_Die> parent_of(const Dwarf_Die& die);

}  // namespace clew
