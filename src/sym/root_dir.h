#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "os/proc_dir.h"

namespace clew::sym {

/// A directory tree that paths are looked up in, with its links staying inside: the root of the
/// target's mount namespace, or our own.
class RootDir {
 public:
  /// Our own root.
  static RootDir own();
  /// The root that a process sees. Keeps it open, so that it can be used after the process is gone.
  static Result<RootDir> of_process(const os::ProcDir& proc);
  /// Any directory as a root.
  static Result<RootDir> at(const std::string& path);

  /// Opens a regular file for reading; `path` is absolute in this root. @return not_found,
  /// permission.
  Result<UniqueFd> open_file(const std::string& path) const;

  /// True when both are the same directory, so that asking both would be asking twice.
  bool is_same(const RootDir& other) const;

 private:
  explicit RootDir(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;  // none: our own root
};

}  // namespace clew::sym
