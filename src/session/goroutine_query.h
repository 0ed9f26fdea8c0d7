#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lang/go/goroutine_places.h"

namespace clew {

/// What goroutines can be chosen and grouped by.
enum class GoroutineField : uint8_t {
  user_location,     ///< userloc
  current_location,  ///< curloc
  go_location,       ///< goloc: the go statement
  start_location,    ///< startloc
  state,             ///< with the reason for which it waits
  label,             ///< "label KEY=VALUE", or KEY alone
  running,           ///< on a thread
  user               ///< not one of the runtime's own
};
/// By the names above. @return bad_request, with the names that there are.
Result<GoroutineField> goroutine_field(std::string_view name);

struct GoroutineFilter {
  GoroutineField field = GoroutineField::user;
  std::string value;      ///< a part of the text that the field has; of a label KEY=VALUE or KEY
  bool is_wanted = true;  ///< false: those are left out
};

/// How goroutines are put together that are the same to a reader.
struct GoroutineGrouping {
  /// nullopt: by user location, state and reason, those of the runtime apart.
  std::optional<GoroutineField> field;
  std::string label;  ///< the key, when it is by label
};

struct GoroutineGroup {
  std::string title;  ///< what its goroutines have in common; empty for the usual grouping
  std::vector<size_t> members;  ///< indexes into go::Goroutines::all, by id
};

/// All goroutines of one stop, with what their numbers mean.
struct GoroutineSnapshot {
  GoroutineSnapshot(sym::ModuleMap modules, go::Goroutines goroutines,
                    const std::vector<std::string>& reasons, int64_t stopped_at)
      : found(std::move(goroutines)),
        places(std::move(modules)),
        wait_reasons(reasons),
        now(stopped_at) {}

  go::Goroutines found;
  go::GoroutinePlaces places;
  std::vector<std::string> wait_reasons;
  int64_t now;  ///< ns of CLOCK_MONOTONIC when they were read

  /// Why it waits: "chan receive"; empty for one that does not.
  std::string wait_reason(const go::Goroutine& goroutine) const;
  /// "running", or the reason for which it waits: what a Go programmer knows from traces.
  std::string state(const go::Goroutine& goroutine) const;
  /// For how long it has waited at least, ns; nullopt when the runtime has not noted it.
  std::optional<int64_t> waited(const go::Goroutine& goroutine) const;
  const go::LabelSet& labels(const go::Goroutine& goroutine) const;

  /// Those that every filter lets through, by id.
  std::vector<size_t> choose(const std::vector<GoroutineFilter>& filters);
  /// The user's first, then by number of members.
  std::vector<GoroutineGroup> group(const std::vector<size_t>& chosen,
                                    const GoroutineGrouping& grouping);

 private:
  bool passes(const GoroutineFilter& filter, const go::Goroutine& goroutine);
  std::string text(GoroutineField field, const std::string& label, const go::Goroutine& goroutine);
  std::vector<GoroutineGroup> group_usual(const std::vector<size_t>& chosen);
};

}  // namespace clew
