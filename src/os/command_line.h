#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/proc_dir.h"

namespace clew::os {

/// Splits the content of /proc/PID/cmdline (proc_pid_cmdline(5)). A process that has written a
/// title over its arguments, as servers do, gives that title as one argument, without the zeros
/// behind it.
std::vector<std::string> split_command_line(std::string_view content);

/// @return the arguments that the process was started with, or what it has made of them since; raw
/// bytes of the target, see shell_quoted(). Empty for kernel threads, for processes whose leader
/// has exited, and when it cannot be read.
std::vector<std::string> command_line(const ProcDir& proc);

/// Writes arguments as one line that a shell would read as the same arguments, quoted only where
/// that is needed. Arguments that are not printable() are written as $'…' with octal escapes, as
/// bash and zsh read them, so that nothing in them reaches the terminal.
std::string shell_quoted(const std::vector<std::string>& arguments);

}  // namespace clew::os
