#pragma once

#include <string>

#include "value/type.h"

namespace clew::value {

/// What stands in front of the fields of a structure of Go: its name, fit to be shown; empty for
/// one without.
std::string go_structure_name(const Type* type);

}  // namespace clew::value
