#pragma once

#include <string>
#include <string_view>

namespace clew::sym {

/// @param mangled a name of Rust's v0 mangling ("_R…"), without the suffixes that compilers and
/// linkers put behind.
/// @return what it stands for, without the hashes of crates; empty when it is none, or stands for
/// more than 64 KiB of text. Names come from the target and can be made to be bad: what is done
/// for one is bounded, whatever its references and counts say.
std::string demangle_rust_v0(std::string_view mangled);

}  // namespace clew::sym
