#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clew {

/// Makes text that a target could have chosen (names, arguments, paths, strings in memory) fit for
/// a terminal and for one line: control characters, bytes that are not UTF-8 and the characters
/// that turn the direction of text around or are invisible become escapes (\n, \x1b, \u202e). All
/// other characters stay, a backslash too: the result is to be read, not to be parsed back.
std::string printable(std::string_view text);

/// @return the length in bytes of the first character of `text` if printable() leaves it as it is;
/// 0 if it would escape it, or if `text` is empty.
size_t printable_length(std::string_view text);

}  // namespace clew
