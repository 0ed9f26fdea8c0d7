#pragma once

#include <memory>
#include <vector>

#include "base/background.h"
#include "sym/module_names.h"

namespace clew {

/// The names of modules, read in the background.
class NameReading {
 public:
  using Names = std::shared_ptr<const sym::ModuleNames>;

  /// Starts to read at once. `cache` must outlive it.
  NameReading(std::vector<std::shared_ptr<const sym::Module>> modules, const sym::NameCache& cache);

  Background& background() { return background_; }
  /// What was read. Waits for the end.
  std::vector<Names> take();

 private:
  void work(WorkControl& control);

  std::vector<std::shared_ptr<const sym::Module>> modules_;
  const sym::NameCache& cache_;
  std::vector<Names> found_;
  Background background_;
};

}  // namespace clew
