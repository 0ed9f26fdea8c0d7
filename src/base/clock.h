#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clew {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// Reads what a user types for a length of time: a number and a unit (ns, us, ms, s, m, h), "1.5s",
/// "250ms"; a number alone is in seconds. Zero is allowed; negative and non-finite values are not.
/// @return bad_request with a text that names what was typed.
Result<Duration> parse_duration(std::string_view text);

/// @return e.g. "0.21 ms", "1.50 s", "2 min 5 s": three significant figures in the unit that fits.
std::string format_duration(Duration duration);

inline double to_milliseconds(Duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

/// A moment after which work is given up; none means never.
class Deadline {
 public:
  Deadline() = default;
  explicit Deadline(TimePoint at) : at_(at) {}
  static Deadline after(Duration d) { return Deadline(Clock::now() + d); }
  static Deadline never() { return {}; }

  bool passed() const { return at_ && Clock::now() >= *at_; }
  const std::optional<TimePoint>& at() const { return at_; }
  /// @return milliseconds to go, rounded up and at most `most`; `most` may be -1 for "no limit" as
  /// in poll(2).
  int poll_timeout(int most = -1) const;
  /// @return whichever comes first.
  Deadline sooner(const Deadline& other) const;

 private:
  std::optional<TimePoint> at_;
};

}  // namespace clew
