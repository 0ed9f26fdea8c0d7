#pragma once

#include <string_view>

#include "cli/debug/debugger.h"

namespace clew::cli {

/// What separates words at the prompt.
constexpr std::string_view blanks = " \t\r";

/// @return the text without blanks at its ends.
std::string_view trimmed(std::string_view text);

/// A line in its parts: "x/4xg $rsp" is the name, what follows '/', and the arguments.
struct TypedLine {
  std::string_view name;
  Arguments arguments;
};
TypedLine split_line(std::string_view line);

}  // namespace clew::cli
