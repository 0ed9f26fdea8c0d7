#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace clew {

/// Areas of the log. `CLEW_LOG=ptrace,wait` in the environment turns areas on, `CLEW_LOG=all` every
/// one; records go to standard error, or to the file that CLEW_LOG_FILE names.
enum class LogArea : unsigned { ptrace, wait, engine };

bool log_enabled(LogArea area);
void log_write(LogArea area, std::string_view text);

template <typename... Args>
void log(LogArea area, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(area)) log_write(area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace clew
