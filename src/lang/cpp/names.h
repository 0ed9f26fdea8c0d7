#pragma once

#include <string>

#include "value/type.h"

namespace clew::lang::cpp {

/// "std::vector" of a type of the standard library: without template arguments and without the
/// inline namespaces that versions of it add (std::__cxx11, std::__1, std::__debug). Empty for
/// other types.
std::string standard_name(const value::Type* type);

/// A type as people call it: without those namespaces, and with the short names of strings.
std::string short_name(const value::Type* type);
std::string short_name(std::string text);

/// One argument of a template in a text that the demangler has written: the n-th behind
/// `template_name`, which ends in '<'. Brackets within it are counted. @return empty when there is
/// none.
std::string template_argument_in(std::string_view text, std::string_view template_name, size_t n);

}  // namespace clew::lang::cpp
