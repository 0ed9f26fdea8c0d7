#pragma once

#include "inferior/run_request.h"
#include "live/tracee.h"

namespace clew::live {

/// The one call that brings a tracee nearer to what is wanted of it.
enum class Action {
  none,
  interrupt,
  resume,  ///< with its pending signal, if it has one
  step,    ///< the same, by one instruction
  listen,
  deliver_and_return,  ///< resume with the pending signal, and stop again before anything else
                       ///< happens
  detach,
};

/// Pure: what to do next with a tracee in this state. A signal is never kept at a stop that the
/// user may sit at (kernel facts: a signal-delivery-stop that was waited for is lost when the
/// tracer dies), so that `hold` delivers it first.
Action next_action(const Tracee& tracee, Wanted wanted);

/// Pure: true when nothing more is to come before the tracee does what is wanted.
bool is_settled(const Tracee& tracee, Wanted wanted);

}  // namespace clew::live
