#pragma once

#include <optional>
#include <string>

#include "value/value.h"

namespace clew::go {

/// The type of a value as its variable was declared: "map[string]int", "main.Inventory".
std::string declared_name(const value::Value& value);

/// "[]int(nil)": the zero value of a type that has one, as Go would write it. Function types need
/// brackets.
std::string nil_of(const value::Value& value);

/// True when the runtime's word for a key or element of `wanted` is a pointer to it, because it is
/// large: `held` is the type of that word.
bool is_indirect(const value::Type* held, const value::Type* wanted);

/// The value of a slot, followed when it is indirect.
value::Value of_slot(const value::Value& slot, const value::Type* wanted);

}  // namespace clew::go
