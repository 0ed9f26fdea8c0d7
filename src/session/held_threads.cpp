#include "session/held_threads.h"

#include <algorithm>

namespace clew {
namespace {

void add(std::vector<ThreadId>& threads, ThreadId id) {
  if (std::find(threads.begin(), threads.end(), id) == threads.end()) threads.push_back(id);
}

}  // namespace

void HeldThreads::freeze(ThreadId id) { add(frozen_, id); }

void HeldThreads::thaw(ThreadId id) { std::erase(frozen_, id); }

void HeldThreads::thaw_all() {
  frozen_.clear();
  solo_.reset();
}

void HeldThreads::park(ThreadId id) { add(parked_, id); }

bool HeldThreads::forget(ThreadId id) {
  std::erase(frozen_, id);
  std::erase(parked_, id);
  if (solo_ != id) return false;
  solo_.reset();
  return true;
}

void HeldThreads::clear() {
  thaw_all();
  unpark();
}

bool HeldThreads::is_frozen(ThreadId id) const {
  return (solo_ && *solo_ != id) || std::find(frozen_.begin(), frozen_.end(), id) != frozen_.end();
}

RunRequest HeldThreads::running() const {
  RunRequest request = RunRequest::all(solo_ ? Wanted::hold : Wanted::run);
  if (solo_) request.chosen[solo_->tid] = Wanted::run;
  for (const ThreadId id : frozen_) request.chosen[id.tid] = Wanted::hold;
  for (const ThreadId id : parked_) request.chosen[id.tid] = Wanted::hold;
  return request;
}

}  // namespace clew
