#pragma once

#include <optional>

#include "value/value.h"

namespace clew::value {

/// What an object of C++ is in truth, by its virtual table (Itanium C++ ABI, 2.5): the whole object
/// of which `value`, in memory, is a base. References are followed. @return nullopt when it has no
/// virtual table, nothing is known of it, or it is what it is declared to be.
std::optional<Value> dynamic_object(const Value& value);

/// The same for what a pointer points to: a pointer to the whole object. @return nullopt when that
/// is what it is declared to be, or is not known.
std::optional<Value> dynamic_pointer(const Value& pointer);

/// The std::type_info of the class that the object of `value`, in memory, is in truth. @return
/// nullopt when it has no virtual table.
std::optional<Addr> dynamic_type_info(const Value& value);

}  // namespace clew::value
