#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// Called every now and then while a file is being fetched: what, how many bytes are there, of how
/// many (0 when not known yet). @return false to give up.
using FetchProgress = std::function<bool(const std::string& what, uint64_t done, uint64_t total)>;

/// Servers that have debug files by build-id (debuginfod(8)), and the cache of what was fetched.
class DebugServer {
 public:
  virtual ~DebugServer() = default;

  /// @return not_found when no server has it; cancelled; unavailable when no server answers, and
  /// from then on for every other file without asking.
  virtual Result<UniqueFd> fetch_debug_file(const BuildId& build_id, const std::string& what) = 0;
};

/// The servers that DEBUGINFOD_URLS names, through libdebuginfod, which is loaded at the first
/// fetch: it brings an HTTP client with it that takes ten times as long to load as clew itself.
/// @return nullptr when the variable is not set.
std::unique_ptr<DebugServer> debug_server_of_environment(FetchProgress progress);

}  // namespace clew::sym
