#pragma once

#include <optional>

#include "base/addr.h"
#include "value/frame.h"

namespace clew::value {

/// The dictionary of types that the caller of a generic function in Go has passed to it, as the
/// instructions before the call say. Optimised code keeps no copy where the debug information could
/// find it. @return nothing for inlined copies, for closures, and where the caller, being generic
/// itself, has computed it.
std::optional<Addr> passed_dictionary(const Frame& frame);

}  // namespace clew::value
