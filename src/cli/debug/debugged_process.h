#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/debug/value_view.h"
#include "cli/symbol_reading.h"
#include "cli/target.h"
#include "os/proc_dir.h"
#include "session/session.h"
#include "session/symbols.h"
#include "session/thread_row.h"
#include "session/thread_stacks.h"

namespace clew::cli {

/// Where Go programs stop without having been asked to: see arm_go_stops().
struct GoStops {
  std::vector<unsigned> traps;  ///< of Breakpoints::set_internal()
  unsigned memory = 0;          ///< Breakpoints::memory_number() that they were set in
};

/// One process under the debugger, and all that is known of it. Whatever acts on "the process" acts
/// on Debugger::now(). Stays where it is: sessions call back.
struct DebuggedProcess {
  unsigned number = 1;  ///< what the user types; never given to another process meanwhile
  unsigned parent = 0;  ///< the number of the one that has made it; 0 when it was attached to

  // Each refers to those before it.
  std::unique_ptr<os::ProcDir> proc;
  std::unique_ptr<Symbols> symbols;
  std::unique_ptr<RowBuilder> rows;
  std::optional<Target> target;
  std::unique_ptr<Session> session;
  std::unique_ptr<HeldGoroutines> goroutines;
  std::unique_ptr<ThreadStacks> stacks;
  std::unique_ptr<ProcessValues> values;

  std::optional<Addr> next_address;  ///< where x goes on
  GoStops go_stops;
  std::optional<TimePoint> leave_at;  ///< of --detach-after with a time
  bool shares_terminal = false;       ///< has clew's terminal, and no other
  bool fresh = false;                 ///< launched, and has not run yet
  bool has_new_code = false;          ///< whose debug files were not looked for
  bool stopped_itself = false;
  unsigned last_breakpoint = 0;
  bool step_ended = false;  ///< the last stop was the end of a plan, and nothing else

  bool is_alive() const { return session && session->is_alive(); }
  /// Alive, and not held.
  bool runs() const { return is_alive() && !session->is_holding(); }
};

}  // namespace clew::cli
