#pragma once

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>

namespace clew {

/// What a thread should be doing.
enum class Wanted : uint8_t {
  run,
  hold,
  step,     ///< one instruction, then hold
  release,  ///< leave it for good, as it was found
};

/// What every thread should be doing: one value, applied at once. Threads born later follow
/// `others`.
struct RunRequest {
  Wanted others = Wanted::hold;
  std::unordered_map<pid_t, Wanted> chosen;

  static RunRequest all(Wanted wanted) { return {wanted, {}}; }
  /// `tid` steps one instruction, the others do what `others` says.
  static RunRequest step(pid_t tid, Wanted others = Wanted::hold) {
    return {others, {{tid, Wanted::step}}};
  }

  Wanted of(pid_t tid) const {
    const auto found = chosen.find(tid);
    return found == chosen.end() ? others : found->second;
  }
};

/// What a thread that is led is to do next: see RunControl::lead().
enum class Lead : uint8_t {
  leave,  ///< nothing: it stays held
  step,   ///< one instruction
  run,    ///< run until a hit or something else holds it again
};

}  // namespace clew
