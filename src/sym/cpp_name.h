#pragma once

#include <string>

namespace clew::sym {

/// Whether libiberty reads and writes a mangled name of C++ in a time that goes with the length of
/// its text. Names come from the target and can be made to be bad: two things in libiberty take
/// twice as long for each element more, and write nothing meanwhile.
/// @param name begins with "_Z".
/// @param options those that it is to be demangled with.
bool is_harmless_cpp_name(const std::string& name, int options);

}  // namespace clew::sym
