#pragma once

#include <elfutils/libdw.h>

#include <string>

#include "sym/module.h"

namespace clew::sym {

/// The types of a function's parameters as C++ writes them, "(int, ns::Item const&)", without the
/// ones that the compiler adds (`this`). For functions whose linkage name does not tell: those of C
/// and static ones. Needs the module's lock.
std::string parameter_types(const Module& module, const Dwarf_Die& function);

/// The template arguments of a type or variable as C++ writes them, "<char, ns::Item const*, 2>",
/// from its parameters; empty when it has none. For names that leave them out
/// (-gsimple-template-names). Needs the module's lock.
std::string template_arguments(const Module& module, const Dwarf_Die& die);

}  // namespace clew::sym
