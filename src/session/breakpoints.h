#pragma once

#include <functional>
#include <memory>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "inferior/inferior.h"
#include "session/breakpoint.h"
#include "session/running_goroutine.h"

namespace clew {

/// A stop that a breakpoint has caused.
struct BreakpointStop {
  unsigned number = 0;  ///< 0: none of the user's; `detail` says all
  ThreadId thread;
  Addr address;
  bool temporary = false;
  StopPolicy stopped = StopPolicy::all;
  std::string kind;    ///< "breakpoint", "watchpoint", "catchpoint"
  std::string detail;  ///< what has happened, where that is not merely an arrival
  std::optional<uint64_t> goroutine = {};  ///< that the thread runs
};

/// A library that has come or gone.
struct LibraryChange {
  std::string path;
  bool is_loaded = true;
};

/// What the user asked for, to be asked for again in another process of the same program.
struct KeptBreakpoints {
  struct One {
    unsigned number = 0;
    BreakpointRequest request;
    bool enabled = true;
  };
  std::vector<One> all;
  unsigned next_number = 1;
  StopPolicy default_policy = StopPolicy::all;
};

/// All breakpoints of a session, and the judge of every hit. Conditions are compiled when they are
/// set, and looked at in the thread that hit while the others run on.
class Breakpoints {
 public:
  /// What turns the user's words into what can be executed; given by whoever knows symbols and
  /// expressions.
  struct Compiler {
    /// @return where a location is; not_found when it may yet come with a library.
    std::function<Result<std::vector<CodePlace>>(const std::string&)> resolve;
    /// The same in the middle of the target's news: it asks nobody and reads nothing from the user.
    std::function<Result<std::vector<CodePlace>>(const std::string&)> resolve_again;
    /// The memory that an expression names; for watchpoints.
    std::function<Result<WatchPlace>(const std::string&)> watch;
    /// Looks whether code has been mapped or unmapped. @return what, each file once. May be empty.
    std::function<std::vector<LibraryChange>()> look_at_code;
    /// See Symbols::library_event(). May be empty.
    std::function<std::optional<Addr>()> library_event;
    std::function<Result<HitCondition>(const std::string&, const CodePlace&)> condition;
    std::function<Result<HitText>(const std::string&, const CodePlace&)> log;
    std::function<std::string(ThreadId)> thread_name;
    /// The goroutine that a thread runs. May be empty.
    std::function<std::optional<RunningGoroutine>(const arch::GeneralRegisters&)> goroutine;
  };

  Breakpoints(Inferior& inferior, Compiler compiler);

  const std::vector<std::unique_ptr<Breakpoint>>& all() const { return breakpoints_; }
  /// @return not_found.
  Result<Breakpoint*> find(unsigned number);
  /// Hits of all breakpoints that there were and are.
  uint64_t total_hits() const { return total_hits_; }
  StopPolicy default_policy() const { return default_policy_; }
  void set_default_policy(StopPolicy policy) { default_policy_ = policy; }
  /// Hits of other threads are counted and stop nothing. An empty one lets every thread stop.
  void set_stop_filter(std::function<bool(const TrapHit&)> may_stop) {
    may_stop_ = std::move(may_stop);
  }

  /// See Compiler::resolve.
  Result<std::vector<CodePlace>> resolve(const std::string& location) const {
    return compiler_.resolve(location);
  }

  // All below need every thread held.

  /// @return bad_request or not_found with the reason; with `pending` a location that cannot be
  /// found is kept until a library brings it.
  Result<Breakpoint*> add(BreakpointRequest request, bool pending);
  Status remove(unsigned number);
  Status enable(unsigned number, bool enabled);
  /// One location, counted from 1.
  Status enable_location(unsigned number, size_t location, bool enabled);
  /// An empty text takes the condition away.
  Status set_condition(unsigned number, const std::string& text);
  /// Who may hit and what that stops, of a live one; the location stays. @return bad_request.
  Status modify(unsigned number, BreakpointRequest request);
  /// Looks at every location again: after libraries have come or gone, or an exec (`fresh_memory`:
  /// the traps have gone with the old one). @return the numbers of those that have changed.
  std::vector<unsigned> resolve_again(bool fresh_memory);
  /// See Compiler::look_at_code.
  void look_at_code() const {
    if (compiler_.look_at_code) (void)compiler_.look_at_code();
  }
  /// Takes every trap away: before a detach.
  void clear_traps();

  /// A trap of a step or the like, beside the user's. @return what clear_internal() takes.
  /// Where `resumes` says that a thread only comes back to where it has been, the user's are not
  /// asked.
  Result<unsigned> set_internal(Addr address, HitHandler handler,
                                std::function<bool(const TrapHit&)> resumes = {});
  void clear_internal(unsigned id);

  /// Another number once the program's memory is another: traps that were in it are gone.
  unsigned memory_number() const { return memory_number_; }

  /// What there is now; needs no stop and no living process.
  KeptBreakpoints keep() const;
  /// Asks for it again, with the same numbers and with no hits counted; there must be none yet.
  /// Needs every thread held. @return what has become of those that could not be set.
  std::vector<std::string> restore(const KeptBreakpoints& kept);

  /// True when a breakpoint or a trap of a step is anywhere.
  bool has_any() const { return !by_address_.empty() || !internal_.empty(); }
  /// True when a breakpoint or a trap of a step is at that address.
  bool has(Addr address) const {
    return by_address_.contains(address.value) || internal_.contains(address.value);
  }

  /// Judges a hit: to be given to RunControl::on_hit().
  HitVerdict judge(const TrapHit& hit);

  /// A stop of clew's own: by no breakpoint of the user's, which `number` 0 says.
  void add_stop(BreakpointStop stop) { stops_.push_back(std::move(stop)); }
  /// What has stopped something since the last call, in order.
  std::vector<BreakpointStop> take_stops() { return std::exchange(stops_, {}); }
  /// True once when libraries have come or gone: the hit that told it demands a hold, in which
  /// resolve_again() is due.
  bool take_library_news() { return std::exchange(library_news_, false); }
  /// Lines of logpoints since the last call.
  std::vector<std::string> take_log() { return std::exchange(log_, {}); }
  /// Deletes the temporary ones that have stopped something.
  void remove_spent();

 private:
  struct At {
    Breakpoint* breakpoint;
    size_t location;
  };

  Status compile(Breakpoint& breakpoint);
  Status place(Breakpoint& breakpoint, std::vector<CodePlace> places);
  Result<std::vector<CodePlace>> places_of(const BreakpointRequest& request, bool again) const;
  void unplace(Breakpoint& breakpoint);
  Result<std::vector<CodePlace>> places_now(const Breakpoint& breakpoint, bool fresh_memory) const;
  void restore_locations(Breakpoint& breakpoint, const std::vector<BreakpointLocation>& before);
  void watch_libraries();
  bool passes(Breakpoint& breakpoint, const TrapHit& hit);
  bool has_caught_type(const Breakpoint& breakpoint, const TrapHit& hit);
  std::string describe(const ExceptionRequest& exception, const TrapHit& hit);
  bool note_broken_off(const TrapHit& hit);
  bool take_broken_off(const TrapHit& hit);
  bool is_resumption(const TrapHit& hit) const;
  std::optional<uint64_t> goroutine_of(const TrapHit& hit) const;
  void count_goroutine(Breakpoint& breakpoint, const TrapHit& hit);
  /// An arrival, an access or an act that a breakpoint is about.
  HitVerdict judge_one(Breakpoint& breakpoint, BreakpointLocation* location, const TrapHit& hit,
                       std::string detail = {});
  HitVerdict judge_watch(const WatchHit& hit);
  HitVerdict judge_act(const Act& act);
  HitVerdict judge_library(const LibraryChange& change, const TrapHit& hit);
  HitVerdict end_watch(Breakpoint& breakpoint, const TrapHit& hit);
  Status begin_watch(Breakpoint& breakpoint);
  Status load_watch(Breakpoint& breakpoint);
  /// The memory is not looked after any more; its scope still ends the watchpoint.
  void stop_watching(Breakpoint& breakpoint);
  void forget_scope(const Breakpoint& breakpoint);
  void choose_acts();
  std::string describe(const Act& act);
  Status want(Addr address);
  void unwant(Addr address);

  Inferior& inferior_;
  RunControl& control_;
  Compiler compiler_;
  std::vector<std::unique_ptr<Breakpoint>> breakpoints_;
  std::unordered_map<uint64_t, std::vector<At>> by_address_;
  struct Internal {
    unsigned id;
    HitHandler handler;
    std::function<bool(const TrapHit&)> resumes;
  };
  std::unordered_map<uint64_t, std::vector<Internal>> internal_;
  std::unordered_map<unsigned, unsigned> scope_traps_;  ///< of watchpoints, by their numbers
  unsigned next_internal_ = 1;
  std::vector<BreakpointStop> stops_;
  std::vector<std::string> log_;
  std::set<unsigned> spent_;
  unsigned next_number_ = 1;
  StopPolicy default_policy_ = StopPolicy::all;
  std::function<bool(const TrapHit&)> may_stop_;
  std::optional<unsigned> library_event_;  ///< the trap in the dynamic loader
  bool library_news_ = false;
  uint64_t total_hits_ = 0;
  unsigned memory_number_ = 0;
  std::unordered_map<uint64_t, unsigned> wanted_;  ///< how often want() was called for an address
  /// Goroutines before an instruction whose hit was told: its address, the goroutine, and how far
  /// the stack pointer was from the stack's upper end.
  std::set<std::tuple<uint64_t, uint64_t, uint64_t>> broken_off_;
};

}  // namespace clew
