#pragma once

#include <string>
#include <string_view>

namespace clew::sym {

/// @return the name as its language writes it: C++ (Itanium ABI) and Rust (v0 and legacy, without
/// the hash); the name itself when it is not mangled.
std::string demangle(std::string_view name);

/// The same without the parameters and the return type of a function.
std::string demangle_plain(std::string_view name);

}  // namespace clew::sym
