#pragma once

#include <optional>
#include <vector>

#include "cli/debug/debugger.h"

namespace clew::cli {

/// Has the process stopped where a Go program is about to end: by a panic that nobody has recovered
/// (fatalpanic), or by a fatal error of the runtime. Sets the traps for it once; needs every thread
/// held. Nothing where the program is not Go, or that is switched off.
void arm_go_stops(Debugger& debugger);

/// Takes them back. The same holds.
void disarm_go_stops(Debugger& debugger);

/// The value of a panic (a runtime._panic) as the runtime itself would print it: what it is, for
/// values of the language itself, else of what kind. Needs no debug information.
std::string panic_value_text(MemoryReader& memory, const go::RuntimeLayout::Panics& layout,
                             Addr record);

/// The level of the innermost frame of the selected thread that the source shows; 0 when none does.
unsigned first_shown_frame(Debugger& debugger);

}  // namespace clew::cli
