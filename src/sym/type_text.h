#pragma once

#include <elfutils/libdw.h>

#include <string>

#include "sym/module.h"

namespace clew::sym {

/// The types of a function's parameters as C++ writes them, "(int, ns::Item const&)", without the
/// ones that the compiler adds (`this`). For functions whose linkage name does not tell: those of C
/// and static ones. Needs the module's lock.
std::string parameter_types(const Module& module, const Dwarf_Die& function);

}  // namespace clew::sym
