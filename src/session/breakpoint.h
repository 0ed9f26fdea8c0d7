#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/regular_expression.h"
#include "base/result.h"
#include "inferior/traps.h"
#include "session/exception_event.h"

namespace clew {

/// What is stopped by a hit.
enum class StopPolicy : uint8_t {
  all,     ///< every thread
  thread,  ///< only the thread that hit; the others run on
  none,    ///< nobody: the hit is counted, or logged
};

/// @return "all", "thread" or "none".
std::string_view stop_policy_name(StopPolicy policy);
std::optional<StopPolicy> parse_stop_policy(std::string_view text);

/// One address that a location in the source or program stands for.
struct CodePlace {
  Addr address;  ///< where to stop for it: in a function's beginning, behind the prologue
  Addr entry;    ///< the first instruction of what was named
  std::string description;  ///< "main.c:12 in main" or "main+4", for people
};

/// Looked at by a condition or a log text: the thread that hit, as it stands at the trap.
/// @return the condition's value, or why it cannot be said.
using HitCondition = std::function<Result<bool>(const TrapHit&)>;
using HitText = std::function<std::string(const TrapHit&)>;

/// A watchpoint as the user asked for it.
struct WatchRequest {
  enum class Kind : uint8_t { write, read, access };
  std::string expression;
  Kind kind = Kind::write;
};

/// The memory that a watchpoint looks after.
struct WatchPlace {
  /// The frame that it belongs to; when that has returned, the watchpoint ends.
  struct Scope {
    ThreadId thread;
    Addr returns_to;
    uint64_t sp = 0;  ///< that the thread has when it is back
  };

  Addr address;
  uint64_t size = 0;
  std::function<std::string(Bytes)> show;  ///< its value in words
  std::optional<Scope> scope;
};

/// What a catchpoint catches.
struct CatchRequest {
  unsigned acts = 0;                    ///< bits of ActKind, see act_bit()
  std::set<uint64_t> calls;             ///< numbers of system calls; empty: all
  std::set<int> signals;                ///< empty: all
  bool loads = false, unloads = false;  ///< of libraries
  std::string library;                  ///< regular expression for their paths
};

/// An exception or a panic that a catchpoint catches.
struct ExceptionRequest {
  ExceptionEvent event = ExceptionEvent::thrown;
  std::string type;  ///< regular expression for the exception's type; empty: any
};

/// What the user asked for, as typed.
struct BreakpointRequest {
  std::string location;
  std::string condition;  ///< empty: none
  std::string log;        ///< of a logpoint: text with {expressions}
  std::vector<std::string> commands;
  std::optional<uint32_t> thread;  ///< only that thread hits, by clew's number
  std::string thread_name;         ///< only threads whose name matches this regular expression hit
  std::optional<uint64_t> goroutine;  ///< only that goroutine hits, on whichever thread it is
  unsigned after = 0;                 ///< only behind a hit of that breakpoint by the same thread
  std::optional<StopPolicy> stop;     ///< nothing: what `set stop-policy` says
  uint64_t ignore = 0;                ///< hits that are still to be let pass
  bool temporary = false;             ///< deleted when it has stopped something
  /// One of these makes it a watchpoint or a catchpoint; `location` is then what is shown.
  std::optional<WatchRequest> watch;
  std::optional<CatchRequest> caught;
  /// Makes it a catchpoint, whose location is exception_function().
  std::optional<ExceptionRequest> exception;

  bool has_code() const { return !watch && !caught; }
  /// "breakpoint", "watchpoint" or "catchpoint".
  std::string_view kind() const;
  /// What follows the command that asks for it: "throw std::bad_alloc", or the location.
  std::string subject() const;
};

/// What a breakpoint is at one of its addresses.
struct BreakpointLocation {
  CodePlace place;
  bool enabled = true;
  uint64_t hits = 0;
};

/// A breakpoint of the user's: its request, where that is in the program now, and what has happened
/// there.
struct Breakpoint {
  unsigned number = 0;
  BreakpointRequest request;
  bool enabled = true;
  std::vector<BreakpointLocation> locations;       ///< empty while it is pending
  std::string pending;                             ///< why it has no location
  HitCondition condition;                          ///< compiled
  HitText log;                                     ///< compiled
  std::unique_ptr<RegularExpression> thread_name;  ///< compiled
  uint64_t hits = 0;  ///< arrivals that passed all its filters, ignored ones included
  std::map<uint32_t, uint64_t> hits_by_thread;
  /// In Go programs; the largest number stands for those beyond the first 100,000.
  std::unordered_map<uint64_t, uint64_t> hits_by_goroutine;
  WatchPlace watched;                                 ///< of a watchpoint
  std::vector<unsigned> slots;                        ///< the processor's watchpoints that it has
  std::vector<std::byte> value;                       ///< that it had last
  std::unique_ptr<RegularExpression> library;         ///< compiled
  std::unique_ptr<RegularExpression> exception_type;  ///< compiled
  std::string condition_error;  ///< why the condition could not be evaluated, the last time

  bool is_pending() const { return !pending.empty() || (locations.empty() && request.has_code()); }
};

}  // namespace clew
