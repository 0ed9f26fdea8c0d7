#pragma once

#include <functional>
#include <string>
#include <vector>

#include "session/breakpoint.h"
#include "session/symbols.h"

namespace clew {

/// Where a breakpoint is to be set for what the user typed: `FILE:LINE`, a function, `*ADDRESS`
/// (which `number` evaluates). Functions are trapped behind their prologue, where the arguments are
/// in place.
/// @return every address that the text stands for; not_found when there is none now, bad_request.
Result<std::vector<CodePlace>> break_places(
    const std::string& text, const Symbols& symbols,
    const std::function<Result<uint64_t>(const std::string&)>& number);

/// @return "main.c:12 in main", "main+4 in libc.so.6" or the bare address.
std::string describe_code(const Symbols& symbols, Addr address);

}  // namespace clew
