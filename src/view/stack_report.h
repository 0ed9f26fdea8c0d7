#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "stack/groups.h"
#include "view/frame_lines.h"
#include "view/style.h"

namespace clew {

/// All that `clew stacks` has found out. Texts are fit for a terminal.
struct StackReport {
  struct Thread {
    uint32_t number = 0;
    pid_t tid = 0;
    pid_t inner_tid = 0;  ///< as in ThreadRow
    std::string name;
    char state = '?';
    std::string error;  ///< why there is no stack of it
  };

  pid_t pid = 0;
  pid_t via_tid = 0;
  std::string name, executable;
  Duration pause{};
  bool is_complete = true;  ///< false when --max-pause cut it short
  bool is_resumed = true;   ///< verified with the kernel
  std::vector<std::string> problems;
  std::vector<Thread> threads;
  /// Their threads are indices into `threads`.
  std::vector<stack::StackGroup> groups;
};

struct StackReportOptions {
  bool unfold = false;  ///< show idle pools and repeated frames whole
  size_t width = 0;     ///< of the terminal; 0 means no limit
};

std::string render_stacks(const StackReport& report, stack::Namer& namer,
                          const StackReportOptions& options, const Style& style);

/// The fields are in docs/json.md.
nlohmann::ordered_json stacks_to_json(const StackReport& report, stack::Namer& namer);

/// A line for each stack, for flame graph tools: the functions from the outermost on with ';'
/// between them, and the number of its threads.
std::string stacks_to_folded(const StackReport& report, stack::Namer& namer);

/// @return numbers as a list with ranges: "3-7, 9".
std::string ranges_of(std::vector<pid_t> numbers);

}  // namespace clew
