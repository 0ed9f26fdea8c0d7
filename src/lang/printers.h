#pragma once

#include "value/printer.h"

namespace clew::lang {

/// The printers of every language that clew knows.
value::PrinterSet all_printers();

}  // namespace clew::lang
