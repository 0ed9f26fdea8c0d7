#pragma once

#include <string>

#include "value/type.h"

namespace clew::lang {

/// What a type is made of, as its language would declare it and `ptype` of gdb shows it: a class
/// with its members, an enumeration with its values; of others the type without its aliases.
std::string type_definition(const value::Type* type);

/// The same with where each member lies, how large it is, and the holes between them: `ptype/o`.
/// Of what has no members the plain definition.
std::string type_layout(const value::Type* type);

}  // namespace clew::lang
