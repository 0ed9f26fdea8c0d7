#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "lang/go/goroutine_reader.h"
#include "lang/go/machine_reader.h"
#include "session/go_runtime.h"
#include "session/goroutine_query.h"
#include "session/running_goroutine.h"
#include "session/session.h"

namespace clew {

/// The goroutines of a Go program that clew is attached to, read once a stop.
class HeldGoroutines {
 public:
  /// All must outlive it.
  HeldGoroutines(Session& session, Symbols& symbols, const os::ProcDir& proc)
      : session_(session), symbols_(symbols), proc_(proc) {}

  /// True when there is Go code in the process. Costs next to nothing.
  bool is_go() const { return has_go_code(symbols_.modules()); }
  /// @return not_found when it is no Go program, unsupported with what is missing.
  Result<const GoRuntime*> runtime();
  /// All of them. Needs every thread held; good until the target runs. @return as runtime(),
  /// not_stopped.
  Result<GoroutineSnapshot*> all();
  /// By the runtime's number; good as long as all(). @return not_found as well.
  Result<const go::Goroutine*> find(uint64_t id);
  /// What the runtime knows of a thread; read once a stop, and without all(). @return as runtime(),
  /// not_stopped, not_found for a thread that the runtime does not have.
  Result<const go::Machine*> machine_of(ThreadId thread);
  /// The number of the one that a thread runs. @return as machine_of(), not_found for none.
  Result<uint64_t> of_thread(ThreadId thread);

  /// The one that a thread with these registers runs, in a hit as well: see running_goroutine().
  /// Nothing in a program that is not Go.
  std::optional<RunningGoroutine> running(const arch::GeneralRegisters& registers);

  /// Selects it, and the thread that it is on. @return as find().
  Status select(uint64_t id);
  /// Finds out which thread the selected goroutine is on, if any, now that the target has run. One
  /// that has ended stays selected, as one that is on no thread: whatever is asked of it says so.
  void follow();

 private:
  struct Machines {
    uint64_t epoch = 0;  ///< Session::epoch() that they are of
    std::vector<go::Machine> all;
    std::function<pid_t(pid_t)> inner_tid;
  };

  /// How the program itself numbers a thread.
  std::function<pid_t(pid_t)> inner_tids() const;

  Session& session_;
  Symbols& symbols_;
  const os::ProcDir& proc_;
  std::optional<Result<GoRuntime>> runtime_;
  uint64_t code_ = 0;      ///< Symbols::generation() that runtime_ is of
  uint64_t tried_ = 0;     ///< Session::epoch() at which it was looked for
  unsigned tries_ = 0;     ///< how often again, without success
  uint64_t epoch_ = 0;     ///< Session::epoch() that snapshot_ is of
  uint64_t followed_ = 0;  ///< Session::epoch() of the last follow()
  std::unique_ptr<GoroutineSnapshot> snapshot_;
  std::unordered_map<uint64_t, size_t> by_id_;
  std::optional<Machines> machines_;
};

}  // namespace clew
