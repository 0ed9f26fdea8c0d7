#pragma once

#include "value/printer.h"

namespace clew::lang {

/// Printers for the types of Rust's standard library, in the names of rust-gdb: recognised by their
/// names, whatever module they are in, and by the members that a printer needs, so that a version
/// that has others is shown by its fields. Enums need none: see the renderer.
void add_rust_printers(value::PrinterSet& printers);

}  // namespace clew::lang
