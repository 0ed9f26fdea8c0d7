#pragma once

#include "base/result.h"
#include "inferior/launch.h"
#include "os/proc_dir.h"

namespace clew {

/// What starts the program of a running process again as that was started: its file, arguments,
/// folder and environment. Its files, terminal and limits are not part of it.
/// @return unsupported when clew could only start something else: another root folder or mount
/// namespace, another user, a program that is no longer there; gone, permission.
Result<LaunchOptions> launch_options_of(const os::ProcDir& proc);

}  // namespace clew
