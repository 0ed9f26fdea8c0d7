#pragma once

#include <optional>
#include <vector>

#include "lang/field.h"

namespace clew::lang::cpp {

/// The elements of a std::tuple, of either library. @return nullopt when it is laid out otherwise.
std::optional<std::vector<Field>> tuple_elements(const value::Type* tuple);

}  // namespace clew::lang::cpp
