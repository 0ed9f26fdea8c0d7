#pragma once

#include <string>

#include "value/type.h"

namespace clew::value {

/// A type as its language writes it, with scopes: "const char *", "int (*)(int)", "std::string &";
/// of Rust "*const u8".
std::string type_text(const Type* type);

/// Whether nothing but its parts could tell which class or enumeration it is.
bool is_nameless(const Type& type);

/// The declaration of a variable of the type: declaration(t, "f") is "int (*f)(int)".
std::string declaration(const Type* type, std::string_view name);

}  // namespace clew::value
