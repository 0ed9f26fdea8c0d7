#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "session/stack_variable_reading.h"
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

  /// Of a Go program.
  struct Goroutine {
    uint64_t id = 0;
    std::string state;              ///< with the reason for which it waits
    std::string plain_state;        ///< "waiting"
    std::string wait_reason;        ///< empty when it does not wait
    std::optional<int64_t> waited;  ///< ns at least
    pid_t tid = 0;                  ///< of the thread that it is on; 0 for none
    bool is_system = false;         ///< one of the runtime's own
    std::string error;              ///< why there is no stack of it
  };

  pid_t pid = 0;
  pid_t via_tid = 0;
  std::string name, executable;
  bool is_go = false;  ///< its goroutines are known
  std::string go_version;
  Duration pause{};
  /// Of the stop that found out what to read; zero when there was one stop only.
  Duration first_pause{};
  bool is_complete = true;  ///< false when --max-pause cut it short
  bool is_resumed = true;   ///< verified with the kernel
  std::vector<std::string> problems;
  std::vector<Thread> threads;
  /// Their threads are indices into `threads`; in a Go program those that run no goroutine.
  std::vector<stack::StackGroup> groups;
  std::vector<Goroutine> goroutines;
  /// Their threads are indices into `goroutines`.
  std::vector<stack::StackGroup> goroutine_groups;
  std::optional<VariablesOfStacks> variables;  ///< with --full
};

struct StackReportOptions {
  bool unfold = false;  ///< show idle pools, repeated frames and all different values
  size_t width = 0;     ///< of the terminal; 0 means no limit
};

std::string render_stacks(const StackReport& report, stack::Namer& namer,
                          const StackReportOptions& options, const Style& style);

/// The fields are in docs/json.md.
nlohmann::ordered_json stacks_to_json(const StackReport& report, stack::Namer& namer);

/// A line for each stack, for flame graph tools: the functions from the outermost on with ';'
/// between them, and the number of its threads. Of a Go program "goroutines" or "threads" stands
/// before them.
std::string stacks_to_folded(const StackReport& report, stack::Namer& namer);

/// @return numbers as a list with ranges: "3-7, 9".
std::string ranges_of(std::vector<pid_t> numbers);

}  // namespace clew
