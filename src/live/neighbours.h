#pragma once

#include <sys/types.h>

#include <vector>

#include "live/wait_queue.h"

namespace clew::live {

class Engine;

/// The engines of one control thread. The kernel binds tracees to that thread, not to an engine, so
/// that a wait for any of them may find what is for another engine: it is left to that one, and
/// what nobody knows yet is kept here until its birth is told to one of them. Engines must leave
/// before they or this end.
class Neighbours {
 public:
  void join(Engine& engine) { engines_.push_back(&engine); }
  void leave(Engine& engine);

  bool empty() const { return engines_.empty(); }
  /// True when a wait for any tracee may find one that is not `asking`'s.
  bool has_others(const Engine& asking) const;
  bool is_of_other(const Engine& asking, pid_t tid) const;
  /// True when another engine drives the living process `pid`.
  bool is_process_of_other(const Engine& asking, pid_t pid) const;

  EarlyStops& early() { return early_; }

 private:
  std::vector<Engine*> engines_;
  EarlyStops early_;
};

}  // namespace clew::live
