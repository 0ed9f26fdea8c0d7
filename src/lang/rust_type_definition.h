#pragma once

#include <string>

#include "value/type.h"

namespace clew::lang {

/// A structure, union or enum of Rust as its declaration would read, behind "type = ".
std::string rust_type_definition(const value::Type* type);

}  // namespace clew::lang
