#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace clew::cli {

class Debugger;

/// True for a format of `x` that `print` has no use for: a count, instructions, a size.
bool is_memory_format(std::string_view suffix);

/// What `x` would show with a format at the address that an expression gives, of one moment:
/// nothing is remembered of it. @return bad_request, fault.
Result<std::string> memory_text(Debugger& debugger, std::string_view suffix,
                                const std::string& address);

}  // namespace clew::cli
