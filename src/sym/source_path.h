#pragma once

#include <string>
#include <string_view>

namespace clew::sym {

/// A path without "." and, as far as there is something for it to lead out of, ".."; links are not
/// followed.
std::string normal_path(std::string_view path);

/// True when `path` ends with the whole parts of `wanted`; both are normal. "src/a.c" is in
/// "/home/src/a.c" but not in "/home/mysrc/a.c".
bool path_ends_with(std::string_view path, std::string_view wanted);

/// The part behind the last slash.
std::string_view last_part(std::string_view path);

}  // namespace clew::sym
