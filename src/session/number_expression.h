#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace clew {

/// Gives the value of a register by its name without the '$'.
using RegisterLookup = std::function<Result<uint64_t>(std::string_view)>;

/// Computes what a user types where an address or a value is wanted: numbers (decimal, 0x, 0b, 0
/// for octal, 'c'), registers ($rsp), + - * / % & | ^ << >> ~ == != < <= > >= && || ! and
/// parentheses, in 64-bit arithmetic that wraps; < and its like compare signed numbers.
/// @return bad_request, with what was not understood; or what the lookup says.
Result<uint64_t> evaluate_number(std::string_view text, const RegisterLookup& registers);

}  // namespace clew
