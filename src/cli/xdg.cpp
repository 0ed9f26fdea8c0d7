#include "cli/xdg.h"

#include <cstdlib>

namespace clew::cli {
namespace {

std::optional<std::string> directory(const char* variable, const char* below_home) {
  const char* set = std::getenv(variable);
  if (set != nullptr && set[0] == '/') return std::string(set) + "/clew";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return std::nullopt;
  return std::string(home) + below_home + "/clew";
}

}  // namespace

std::optional<std::string> config_directory() { return directory("XDG_CONFIG_HOME", "/.config"); }

std::optional<std::string> state_directory() {
  return directory("XDG_STATE_HOME", "/.local/state");
}

std::optional<std::string> cache_directory() { return directory("XDG_CACHE_HOME", "/.cache"); }

}  // namespace clew::cli
