#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "value/types.h"

namespace clew::value {

// Types that no debug information describes, made once for each process.

/// A union of all the ways to see the same bytes, by its name: a vector register.
const Type* union_of(Types& types, std::string_view name,
                     const std::vector<std::pair<std::string, const Type*>>& members);
/// A pointer to a member of a class that is of the type `target`: C++'s int Class::*.
const Type* member_pointer_to(Types& types, const Type* containing, const Type* target);

}  // namespace clew::value
