#include "live/tracee.h"

#include <algorithm>

#include "base/check.h"

namespace clew::live {

const char* tracee_state_name(TraceeState state) {
  switch (state) {
    case TraceeState::running:
      return "running";
    case TraceeState::newborn:
      return "newborn";
    case TraceeState::stopped:
      return "stopped";
    case TraceeState::signal_stopped:
      return "signal_stopped";
    case TraceeState::group_stopped:
      return "group_stopped";
    case TraceeState::listening:
      return "listening";
    case TraceeState::exiting:
      return "exiting";
  }
  return "?";
}

Tracee& TraceeTable::add(pid_t tid, TraceeState state, bool foreign) {
  CLEW_CHECK(index_.find(tid) == index_.end());
  auto tracee = std::make_unique<Tracee>();
  tracee->id.tid = tid;
  // Numbers are for what the user sees, so that a fork's child does not leave a gap.
  tracee->id.number = foreign ? 0 : next_number_++;
  tracee->state = state;
  tracee->foreign = foreign;
  foreign_count_ += foreign ? 1 : 0;
  index_.emplace(tid, tracee.get());
  order_.push_back(std::move(tracee));
  return *order_.back();
}

Tracee* TraceeTable::find(pid_t tid) {
  const auto found = index_.find(tid);
  return found == index_.end() ? nullptr : found->second;
}

const Tracee* TraceeTable::find(pid_t tid) const {
  const auto found = index_.find(tid);
  return found == index_.end() ? nullptr : found->second;
}

void TraceeTable::remove(pid_t tid) {
  const auto found = index_.find(tid);
  if (found == index_.end()) return;
  foreign_count_ -= found->second->foreign ? 1 : 0;
  found->second->id.tid = 0;
  index_.erase(found);
  ++removed_count_;
}

void TraceeTable::compact() {
  if (removed_count_ == 0) return;
  std::erase_if(order_, [](const auto& tracee) { return tracee->id.tid == 0; });
  removed_count_ = 0;
}

}  // namespace clew::live
