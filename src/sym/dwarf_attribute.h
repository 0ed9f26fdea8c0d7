#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace clew::sym {

/// A string attribute of the entry itself, a view into the debug information; empty when it has
/// none.
std::string_view string_attribute(const Dwarf_Die& die, unsigned name);

/// An unsigned constant of the entry itself.
std::optional<uint64_t> number_attribute(const Dwarf_Die& die, unsigned name);

/// The entry that a reference attribute of the entry itself leads to. @return false when there is
/// none.
bool reference_attribute(const Dwarf_Die& die, unsigned name, Dwarf_Die& target);

/// One step from a copy or definition to what it is a copy or definition of (DW_AT_abstract_origin,
/// DW_AT_specification). @return false at the end.
bool step_to_origin(const Dwarf_Die& die, Dwarf_Die& origin);

/// What such steps lead to in the end: the entry itself when it has no origin.
Dwarf_Die origin_of(const Dwarf_Die& die);

/// The first instruction of a function or of an inlined copy; 0 when unknown. As the debug
/// information has it.
uint64_t entry_of(const Dwarf_Die& function);

/// Steps beyond this many are a circle.
constexpr int most_origin_steps = 16;

}  // namespace clew::sym
