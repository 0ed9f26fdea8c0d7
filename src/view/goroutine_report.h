#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "session/goroutine_query.h"
#include "view/style.h"

namespace clew {

/// All that `clew goroutines` has found out. Texts are fit for a terminal.
struct GoroutineReport {
  pid_t pid = 0;
  pid_t via_tid = 0;
  std::string name, executable;
  std::string version;  ///< of Go
  size_t threads = 0;
  Duration pause{};
  bool is_complete = true;
  bool is_resumed = true;
  std::vector<std::string> problems;
  std::vector<size_t> chosen;          ///< indexes, by id
  std::vector<GoroutineGroup> groups;  ///< of `chosen`; empty when each is shown by itself
  bool is_grouped = true;
};

/// Which of a goroutine's locations a table shows first.
struct GoroutineTableOptions {
  size_t width = 0;  ///< of the terminal; 0 means no limit
  GoroutineField location = GoroutineField::user_location;
  std::optional<uint64_t> selected;  ///< id of the one to be marked
};

/// One line each.
std::string render_goroutines(GoroutineSnapshot& snapshot, const std::vector<size_t>& chosen,
                              const GoroutineTableOptions& options, const Style& style);
/// One line for each group.
std::string render_goroutine_groups(GoroutineSnapshot& snapshot,
                                    const std::vector<GoroutineGroup>& groups,
                                    const GoroutineTableOptions& options, const Style& style);

/// "process 12 "srv", go1.26.8: 100007 goroutines in 6 groups, 8 threads, stopped for 72 ms".
std::string goroutine_heading(const GoroutineReport& report, const GoroutineSnapshot& snapshot);

/// The fields are in docs/json.md. Written piece by piece, since there can be millions.
void goroutines_to_json(const GoroutineReport& report, GoroutineSnapshot& snapshot,
                        const std::function<void(std::string_view)>& write);

/// "1-3, 7"; of many stretches the first ones, and how many more there are: "1, 3, 5 and 9 more".
std::string ranges_of_ids(const std::vector<uint64_t>& sorted);

}  // namespace clew
