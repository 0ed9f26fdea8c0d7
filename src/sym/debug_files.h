#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sym/debug_link.h"
#include "sym/debug_server.h"
#include "sym/module.h"
#include "sym/root_dir.h"

namespace clew::sym {

/// Looks for debug files where they are put: by build-id, by .gnu_debuglink, on debuginfod servers;
/// each in the target's own mount namespace first and then in ours. A file of another build is
/// never taken.
class DebugFiles final : public DebugFileFinder {
 public:
  /// `roots` are looked through in their order. `server` may be nullptr.
  DebugFiles(std::vector<RootDir> roots, std::unique_ptr<DebugServer> server);

  /// For the files of a process: its root, then ours.
  static std::shared_ptr<const DebugFiles> of_process(const os::ProcDir& proc,
                                                      std::unique_ptr<DebugServer> server);

  std::unique_ptr<ElfImage> find(const ElfImage& image, const std::string& path,
                                 std::vector<std::string>& problems) const override;
  std::unique_ptr<ElfImage> find_alternate(const ElfImage& image, const std::string& path,
                                           std::vector<std::string>& problems) const override;
  std::unique_ptr<ElfImage> open_file(const std::string& path) const override;

 private:
  std::unique_ptr<ElfImage> find_by_id(const BuildId& id, const ElfImage* of) const;
  std::unique_ptr<ElfImage> find_by_link(const ElfImage& image, const std::string& path,
                                         std::vector<std::string>& problems) const;
  std::unique_ptr<ElfImage> fetch(const BuildId& id, const std::string& what,
                                  std::vector<std::string>& problems) const;

  std::vector<RootDir> roots_;
  std::unique_ptr<DebugServer> server_;
  mutable std::once_flag server_problem_once_;
};

}  // namespace clew::sym
