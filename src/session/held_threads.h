#pragma once

#include <optional>
#include <vector>

#include "inferior/run_request.h"
#include "inferior/thread.h"

namespace clew {

/// The threads that stay held while the others run: *frozen* ones by the user's word, until that is
/// taken back; *parked* ones since a breakpoint holds only the thread that hits, until the user
/// lets the process go on.
class HeldThreads {
 public:
  void freeze(ThreadId id);
  void thaw(ThreadId id);
  /// Every other thread is frozen, those that are born later too.
  void solo(ThreadId id) { solo_ = id; }
  /// Takes every freeze and solo() back.
  void thaw_all();
  void park(ThreadId id);
  void unpark() { parked_.clear(); }
  /// A thread has exited. @return true when it was the one that ran alone: the others run then.
  bool forget(ThreadId id);
  void clear();

  bool is_frozen(ThreadId id) const;
  const std::optional<ThreadId>& alone() const { return solo_; }
  bool has_parked() const { return !parked_.empty(); }
  /// True when no thread is held apart.
  bool empty() const { return frozen_.empty() && parked_.empty() && !solo_; }

  /// Everyone runs but these.
  RunRequest running() const;

 private:
  std::vector<ThreadId> frozen_, parked_;
  std::optional<ThreadId> solo_;
};

}  // namespace clew
