#include "cli/xdg.h"

#include <sys/stat.h>

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

bool make_directories(const std::string& path) {
  for (size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    mkdir(path.substr(0, at).c_str(), 0700);
    if (at == std::string::npos) break;
  }
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace clew::cli
