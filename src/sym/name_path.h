#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clew::sym {

/// One part of a qualified name.
struct NamePart {
  std::string base;       ///< without template or generic arguments
  std::string arguments;  ///< "<int>", canonical; empty when there are none
};

/// A qualified name taken apart: "a::b<int>::f(char)" has the parts a, b<int> and f, and the
/// parameters "(char)".
struct NamePath {
  std::vector<NamePart> parts;  ///< outermost first
  std::string parameters;       ///< canonical, with parentheses; empty when there are none
  bool is_absolute = false;     ///< began with "::"
  std::string directory;        ///< of a Go package: what stands before its last part
};

/// Takes a name apart as C, C++ and Rust write them; what is no name at all gives one odd part.
NamePath split_name(std::string_view text);
/// The same for Go, where parts end at dots: "a.b/pkg.(*T[int]).Method" has pkg, (*T) with the
/// argument [int], and Method; its directory is a.b.
NamePath split_go_name(std::string_view text);

/// One part with its arguments taken off, as base_name() does, and made canonical.
NamePart split_part(std::string_view part, bool is_go = false);

/// The text of a type, of arguments or of parameters in one form for all the ways in which
/// compilers and people write it: spaces only between words, "char const*" for "const char *",
/// "unsigned long" for "long unsigned int", "()" for "(void)".
std::string canonical_types(std::string_view text);

}  // namespace clew::sym
