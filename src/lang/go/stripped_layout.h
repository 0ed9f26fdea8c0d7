#pragma once

#include "lang/go/runtime_layout.h"

namespace clew::go {

/// The layout for a program without debug information: the fields from the types that the program
/// describes to itself, the variables by looking for what fits them in the program's data. The
/// list of goroutines is the longest slice of pointers to what can only be goroutines; the list of
/// threads the longest chain of what can only be threads, each of which has its own g0 that knows
/// it. `memory` needs no stop, since the places are those of variables and do not move. Labels that
/// are kept in maps (before Go 1.23) are not known then. @return unsupported with what is missing.
Result<RuntimeLayout> read_stripped_layout(const sym::LoadedModule& loaded, MemoryReader& memory);

}  // namespace clew::go
