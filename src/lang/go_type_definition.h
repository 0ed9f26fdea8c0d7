#pragma once

#include <string>

#include "value/type.h"

namespace clew::lang {

/// What all definitions have in common: columns for each level, and how many levels are shown.
inline constexpr unsigned indent_step = 4;
inline constexpr int deepest_definition = 32;

/// A type of Go as its declaration would read: "type main.point struct {…}", or the type itself
/// when it has no name. With `has_layout` each field has where it lies and how large it is in
/// front.
std::string go_type_definition(const value::Type* type, bool has_layout);

}  // namespace clew::lang
