#pragma once

#include <vector>

#include "base/memory_reader.h"
#include "lang/go/goroutine_details.h"
#include "lang/go/runtime_layout.h"
#include "sym/module_map.h"

namespace clew::go {

/// The deferred calls that a frame keeps itself, without records ("open-coded"): those whose defer
/// statement it has come to, the next one to run first. `lookup` is a place in the frame's code,
/// `cfa` where it begins. Empty for frames without any.
std::vector<DeferredCall> open_coded_calls(const sym::LoadedModule& loaded,
                                           const RuntimeLayout& layout, Addr lookup, Addr cfa,
                                           MemoryReader& memory);

}  // namespace clew::go
