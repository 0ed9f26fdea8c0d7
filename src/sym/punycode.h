#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clew::sym {

/// @param basic what of the text is ASCII, in its order.
/// @param deltas where the others stand among it, and which they are, by RFC 3492 with digits in
/// lower case.
/// @return the text as UTF-8; none when it is none, or has more than 256 characters: to insert them
/// takes their number squared.
std::optional<std::string> decode_punycode(std::string_view basic, std::string_view deltas);

}  // namespace clew::sym
