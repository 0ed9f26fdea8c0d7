#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/console.h"
#include "cli/target.h"
#include "inferior/backend.h"

namespace clew::cli {

/// What every command gets.
struct Context {
  Console& console;
  Backend& backend;
  os::EventLoop& loop;
};

struct FreezeOptions {
  TargetChoice target;
  std::optional<Duration> hold_for;
  std::optional<Duration> max_pause;
  bool json = false;
};

struct ThreadsOptions {
  TargetChoice target;
  std::optional<Duration> max_pause;
  bool json = false;
  bool no_stop = false;
  bool rolling = false;
  bool watch = false;
  Duration interval = std::chrono::seconds(1);
};

struct StacksOptions {
  TargetChoice target;
  std::optional<Duration> max_pause;
  bool json = false;
  bool folded = false;
  std::string svg;    ///< file to write; empty: none
  bool full = false;  ///< the variables of each frame too
  bool no_group = false;
  bool all = false;
};

struct GoroutinesOptions {
  TargetChoice target;
  std::optional<Duration> max_pause;
  bool json = false;
  bool no_group = false;
  std::vector<std::string> with, without;  ///< FIELD=VALUE or FIELD
  std::string group;                       ///< FIELD; empty: the usual grouping
  /// Which location the tables show; JSON has them all.
  bool current_location = false, go_location = false, start_location = false;
};

struct TraceOptions {
  TargetChoice target;
  std::string functions;  ///< an extended regular expression
  std::optional<Duration> max_pause;
  std::optional<Duration> duration;
  std::optional<uint64_t> calls;
  size_t stack = 0;      ///< callers that are shown of each call
  uint64_t rate = 1000;  ///< calls that are shown in a second; 0: all
  bool count = false;
  bool json = false;
};

/// What the debugger is told, whatever it begins with.
/// When clew lets the process go by itself.
struct DetachAfter {
  std::optional<Duration> time;  ///< after the attach
  std::optional<uint64_t> hits;  ///< of breakpoints, together
};

struct DebugOptions {
  std::vector<std::string> commands;
  std::optional<Duration> max_pause;
  bool batch = false;
  DetachAfter detach_after;
};

struct AttachOptions : DebugOptions {
  TargetChoice target;
};

struct RunOptions : DebugOptions {
  LaunchOptions program;  ///< without arguments: none yet
};

struct DoctorOptions {
  std::string pid;
  bool json = false;
};

/// Each returns the exit status of clew.
int run_freeze(Context context, const FreezeOptions& options);
int run_threads(Context context, const ThreadsOptions& options);
int run_stacks(Context context, const StacksOptions& options);
int run_goroutines(Context context, const GoroutinesOptions& options);
int run_trace(Context context, const TraceOptions& options);
int run_attach(Context context, const AttachOptions& options);
int run_run(Context context, const RunOptions& options);
int run_doctor(Context context, const DoctorOptions& options);

/// Reads the command line and runs what it asks for.
int run_command_line(Context context, int argc, char** argv);

/// Deadline for leaving a target: threads that cannot stop by then are let go by the kernel when
/// clew ends.
inline Deadline leave_deadline() { return Deadline::after(std::chrono::milliseconds(700)); }

}  // namespace clew::cli
