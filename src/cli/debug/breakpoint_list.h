#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "cli/debug/debugger.h"

namespace clew::cli {

/// A decimal number and nothing else.
template <typename T>
std::optional<T> whole_number(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A number, or `last` and `last-N`: the breakpoint that was set last, or N before that one, as
/// files that `save` has written say it. @return bad_request.
Result<unsigned> breakpoint_number(Session& session, std::string_view text);

/// `save`: the breakpoints as the commands that set them again.
Status save_breakpoints(Debugger& debugger, const Arguments& arguments);

}  // namespace clew::cli
