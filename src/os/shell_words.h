#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clew::os {

/// Splits a line into words as a shell does, and does nothing else that a shell does: quotes ('…',
/// "…", $'…') and backslashes are understood; variables, patterns, redirections and operators are
/// plain text. What shell_quoted() writes is read back as it was.
/// @return bad_request when a quote is not closed or a backslash has nothing behind it.
Result<std::vector<std::string>> split_shell_words(std::string_view line);

}  // namespace clew::os
