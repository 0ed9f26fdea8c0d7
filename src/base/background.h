#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "base/unique_fd.h"
#include "base/work_control.h"

namespace clew {

/// Work that runs beside the control thread, which sleeps on event_fd() meanwhile and so still
/// attends to the target. The work must look at control.cancelled now and then.
class Background {
 public:
  /// Starts at once.
  explicit Background(std::function<void(WorkControl&)> work);
  /// Gives the work up if it is not done, and waits for its end.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Becomes readable when the work is done, and stays so. poll(2).
  int event_fd() const { return done_fd_.value(); }
  bool is_done() const { return done_; }
  void cancel() { control_.cancelled = true; }
  const WorkControl& control() const { return control_; }
  /// Waits for the end.
  void join();

 private:
  UniqueFd done_fd_;
  WorkControl control_;
  std::atomic<bool> done_{false};
  std::thread worker_;
};

}  // namespace clew
