#pragma once

#include <string>

namespace clew::os {

/// Makes a folder and those above it, readable by the user alone. @return false when it is not
/// there afterwards.
bool make_directories(const std::string& path);

}  // namespace clew::os
