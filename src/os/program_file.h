#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"

namespace clew::os {

/// Finds what execve(2) is to be given for a program's name. A name with a '/' is a path; another
/// is looked for in the folders of `search_path`, as execvp(3) does.
/// @return the path; bad_request, not_found or permission, with the reason.
Result<std::string> find_program(std::string_view name, std::string_view search_path);

/// Why execve(2) refused a file that find_program() had found, with what is wrong in the file
/// where that can be seen.
Error explain_exec_failure(const std::string& path, int sys_errno);

}  // namespace clew::os
