#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "lang/environment.h"

namespace clew::lang {

bool is_own_function(std::string_view name);

/// The text that a value stands for: what a pointer to characters leads to, an array of them, what
/// a printer shows as text. @return bad_request when it is none.
Result<std::string> text_of(Environment& environment, const value::Value& value);

/// $_strlen, $_streq, $_memeq, $_regex and $_isvoid: functions of clew's own, which read the
/// program's memory and run nothing of it, so that conditions may use them as well. Texts are what
/// a pointer to characters leads to, arrays of them, and what a printer shows as text (std::string,
/// Rust's String).
/// @return nullopt when `name` is none of them; else what the call gives, or bad_request.
std::optional<Result<value::Value>> call_own_function(Environment& environment,
                                                      const std::string& name,
                                                      std::span<const value::Value> arguments);

}  // namespace clew::lang
