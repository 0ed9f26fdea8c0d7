#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/target.h"
#include "inferior/thread.h"
#include "session/traced_function.h"
#include "view/style.h"

namespace clew::cli {

/// The beginning or the end of one call, as `clew trace` shows it. Texts are fit for a terminal but
/// for `function`.
struct TraceLine {
  enum class Kind : uint8_t { call, returned, left };
  struct Argument {
    std::string name, value;
  };

  Kind kind = Kind::call;
  Duration time{};  ///< since the trace began
  ThreadId thread;
  std::string thread_name;
  uint64_t call = 0;  ///< its number
  size_t depth = 0;
  std::string function;
  std::vector<Argument> arguments;
  std::vector<std::string> callers;
  std::string value;  ///< empty: none, or not known
  Duration took{};
  bool by_tail_call = false;
};

/// How a trace has ended.
struct TraceEnd {
  Target target;
  Duration took{};
  uint64_t calls = 0;
  uint64_t from_nowhere = 0;
  bool is_alive = true;  ///< it was let go
  bool verified = false;
  Duration pause{};   ///< the longest of any one thread
  std::string ended;  ///< what ended it, when nobody asked for that
};

/// What a trace prints while it goes on, so many calls a second at the most.
class TraceLines {
 public:
  /// `rate` is in calls a second; 0 is without limit.
  TraceLines(bool json, uint64_t rate) : json_(json), rate_(rate) {}

  /// How often what is not shown is told.
  static constexpr Duration interval() { return std::chrono::seconds(1); }

  void begin(const Target& target, size_t functions);
  /// Asked once for each call. @return false when there were too many in this second.
  bool may_show();
  void add(const TraceLine& line);
  /// How many were not shown, once a second.
  void tell_of_hidden();
  /// What is to be printed now.
  std::string take() { return std::exchange(text_, {}); }
  /// The last lines.
  std::string end(const std::deque<TracedFunction>& functions, const TraceEnd& end);

 private:
  void add_text(const TraceLine& line);
  void add_json(const TraceLine& line);

  bool json_;
  uint64_t rate_;
  std::string text_;
  TimePoint second_{};
  uint64_t shown_ = 0;   ///< in this second
  uint64_t hidden_ = 0;  ///< since it was told
  uint64_t all_hidden_ = 0;
};

/// The table of `clew trace --count`, or its document.
std::string trace_counts(const std::deque<TracedFunction>& functions, const TraceEnd& end,
                         bool json, const Style& style);

}  // namespace clew::cli
