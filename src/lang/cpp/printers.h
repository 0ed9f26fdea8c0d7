#pragma once

#include "value/printer.h"

namespace clew::lang {

/// Printers for the types of the C++ standard library, as libstdc++ and libc++ lay them out:
/// recognised by their names and by the members that a printer needs, so that a version that has
/// others is shown by its fields.
void add_cpp_printers(value::PrinterSet& printers);

}  // namespace clew::lang
