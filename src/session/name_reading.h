#pragma once

#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "base/work_control.h"
#include "sym/module_names.h"

namespace clew {

/// The names of modules, read beside the control thread, which sleeps on event_fd() meanwhile and
/// so still attends to the target.
class NameReading {
 public:
  /// Starts to read at once. `cache` must outlive it.
  NameReading(std::vector<std::shared_ptr<const sym::Module>> modules, const sym::NameCache& cache);
  /// Gives the work up if it is not done.
  ~NameReading();
  NameReading(const NameReading&) = delete;
  NameReading& operator=(const NameReading&) = delete;

  /// Becomes readable when all is read. poll(2).
  int event_fd() const { return done_fd_.value(); }
  bool is_done() const { return done_; }
  void cancel() { control_.cancelled = true; }
  const WorkControl& control() const { return control_; }

  using Names = std::shared_ptr<const sym::ModuleNames>;
  /// What was read. Waits for the end.
  std::vector<Names> take();

 private:
  void work();

  std::vector<std::shared_ptr<const sym::Module>> modules_;
  const sym::NameCache& cache_;
  UniqueFd done_fd_;
  WorkControl control_;
  std::atomic<bool> done_{false};
  std::vector<Names> found_;
  std::thread worker_;
};

}  // namespace clew
