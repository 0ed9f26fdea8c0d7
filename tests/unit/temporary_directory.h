#pragma once

#include <stdlib.h>

#include <filesystem>

namespace clew {

/// A new directory that goes away with this object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/clew-test-XXXXXX";
    if (::mkdtemp(name) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace clew
