#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "session/escapes.h"
#include "session/session.h"
#include "session/traced_function.h"

namespace clew {

/// Follows every call of some functions, in all threads: by traps at their entries, and where they
/// return to. A call is known by its thread and its canonical frame address, so that recursion,
/// tail calls, longjmp, exceptions and the handlers of signals in the middle of one are told apart.
class CallTrace {
 public:
  /// One call.
  struct Call {
    uint64_t id = 0;  ///< from 1, in the order of their beginnings
    TracedFunction* function = nullptr;
    size_t depth = 0;  ///< traced calls of the thread that were going on when it began
    TimePoint begun{};
    bool is_told = false;   ///< Listener::called() was called
    bool is_shown = false;  ///< for the listener to use
  };

  /// Told of each call while the other threads run on: it must be quick.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// Its arguments are where the debug information has them.
    virtual void called(Call& call, const TrapHit& hit) = 0;
    /// `by_tail_call` when it was another function, which it had jumped to, that has returned.
    virtual void returned(const Call& call, const TrapHit& hit, Duration took,
                          bool by_tail_call) = 0;
    /// It has ended without a return.
    virtual void left(const Call& call, ThreadId thread) = 0;
  };

  /// All must outlive it.
  CallTrace(Session& session, Symbols& symbols, Listener& listener)
      : session_(session),
        symbols_(symbols),
        escapes_(symbols, session.inferior(), session.inferior().arch()),
        listener_(listener) {}

  /// Stops following new calls when there were so many.
  void set_limit(uint64_t calls) { limit_ = calls; }
  bool is_full() const { return limit_ && calls_ >= *limit_; }

  // These need every thread held.

  /// Follows functions from now on. @return the first reason why one cannot be followed.
  Status follow(std::vector<TracedFunction> functions);
  /// Does what hits have asked for since: the next resume must not come before. Not to be called
  /// when the code has changed: see take_new_code().
  Status catch_up();
  /// Libraries have come or gone since the last call; catch_up() has then forgotten what is gone.
  bool take_new_code() { return std::exchange(new_code_told_, false); }

  const std::deque<TracedFunction>& functions() const { return functions_; }
  /// Of calls that began since the beginning.
  uint64_t calls() const { return calls_; }
  /// Calls that have neither returned nor been left.
  size_t open_calls() const;
  /// Calls from code of no file, whose returns are not followed: such code may be changed or freed.
  uint64_t calls_from_nowhere() const { return from_nowhere_; }

 private:
  /// A place on the stack of a thread that a call returns from. Functions that were reached by tail
  /// calls share it.
  struct Frame {
    uint64_t cfa = 0;
    Addr returns_to;
    std::vector<Call> calls;  ///< in the order of their beginnings
  };
  struct Stack {
    ThreadId thread;
    std::vector<Frame> frames;  ///< outermost first
  };
  /// Calls of one function in one frame that are alike: a tail call may be made without end.
  static constexpr size_t most_calls_in_frame = 64;

  HitVerdict on_entry(TracedFunction& function, const TrapHit& hit);
  void on_body(const TracedFunction& function, const TrapHit& hit);
  void on_return(const TrapHit& hit);
  void on_gate(Addr gate, const TrapHit& hit);
  void add_call(Frame& frame, TracedFunction& function, size_t depth, const TrapHit& hit);
  /// The innermost frame ends without a return.
  void leave_frame(Stack& stack);
  Status watch_returns();
  Status watch_ways_out();
  void look_at_code();
  bool is_mapped(const sym::LoadedModule& module) const;

  Session& session_;
  Symbols& symbols_;
  Escapes escapes_;
  Listener& listener_;
  std::deque<TracedFunction> functions_;
  std::map<uint64_t, unsigned> entries_, bodies_;  ///< traps by address
  std::map<uint64_t, unsigned> returns_, gates_;
  std::optional<unsigned> library_event_;
  std::set<uint64_t> new_returns_;                 ///< that have no trap yet
  std::unordered_map<uint32_t, Stack> by_thread_;  ///< by clew's number
  std::optional<uint64_t> limit_;
  uint64_t calls_ = 0;
  uint64_t from_nowhere_ = 0;
  bool code_changed_ = false;
  bool new_code_told_ = false;
};

}  // namespace clew
