#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>

#include "sym/module.h"

namespace clew::sym {

/// Where a variable lies whose place is one address all the time; the module's own address. nullopt
/// for thread-local ones, constants and those that live in frames. Needs the module's lock.
std::optional<uint64_t> static_address(const Module& module, const Dwarf_Die& variable);

}  // namespace clew::sym
