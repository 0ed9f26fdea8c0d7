#pragma once

#include <elfutils/libdw.h>

#include <string>

#include "sym/code_tables.h"

namespace clew::sym {

/// Reads what a function is called from its entry and those that it is a copy or definition of.
FunctionName read_function_name(CodeTables& tables, const Dwarf_Die& function);

}  // namespace clew::sym
