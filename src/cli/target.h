#pragma once

#include <optional>
#include <string>

#include "cli/console.h"
#include "inferior/backend.h"
#include "os/proc_dir.h"

namespace clew::cli {

/// How the user named the process: exactly one of the three is set.
struct TargetChoice {
  std::string pid;
  std::string name;
  std::string wait_for;
};

struct Target {
  pid_t pid = 0;
  pid_t via_tid = 0;  ///< the tid that was asked for, when it is not the pid
  std::string name;   ///< fit for a terminal, as the two below
  std::string executable;
  std::string command_line;
  uid_t uid = 0;
};

/// Finds the process. Waits, for --wait-for, until it is there or the user leaves.
/// @return bad_request when the choice itself is wrong, not_found when there is no such process or
/// several have the name (the text lists them), cancelled.
Result<Target> find_target(Console& console, const TargetChoice& choice);

/// A process that was found, with what /proc says of it.
struct FoundTarget {
  Target target;
  os::ProcDir proc;
};

/// find_target(), and its directory in /proc. The errors are the same.
Result<FoundTarget> open_target(Console& console, const TargetChoice& choice);

/// Turns a failed attach into the one reason and its remedy, the same text that `clew doctor`
/// prints.
Error explain_attach_failure(const Target& target, const Error& error);

}  // namespace clew::cli
