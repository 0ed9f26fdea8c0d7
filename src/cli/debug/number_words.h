#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace clew::cli {

/// @return the decimal number that is all of `text`; nullopt when there is anything else in it, or
/// the type cannot hold it.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace clew::cli
