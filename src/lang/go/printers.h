#pragma once

#include "value/printer.h"

namespace clew::lang {

/// Printers for the types that Go's language has and for some of its standard library: recognised
/// by the kinds and names that the linker gives them and by the members that a printer needs, so
/// that a version that lays them out otherwise is shown by its fields.
void add_go_printers(value::PrinterSet& printers);

}  // namespace clew::lang
