#include "live/run_policy.h"

namespace clew::live {
namespace {

Action stop_it(const Tracee& tracee) {
  return tracee.interrupt_sent ? Action::none : Action::interrupt;
}

Action action_to_run(const Tracee& tracee, Action how) {
  switch (tracee.state) {
    case TraceeState::stopped:
    case TraceeState::signal_stopped:
      return how;
    case TraceeState::group_stopped:
      return Action::listen;
    default:
      return Action::none;
  }
}

Action action_to_hold(const Tracee& tracee) {
  switch (tracee.state) {
    case TraceeState::running:
    case TraceeState::listening:
      return stop_it(tracee);
    case TraceeState::signal_stopped:
      return tracee.keeps_signal ? Action::none : Action::deliver_and_return;
    default:
      return Action::none;
  }
}

Action action_to_release(const Tracee& tracee) {
  switch (tracee.state) {
    case TraceeState::running:
    case TraceeState::listening:
      return stop_it(tracee);
    case TraceeState::signal_stopped:
      return Action::deliver_and_return;
    case TraceeState::stopped:
    case TraceeState::group_stopped:
      return Action::detach;
    default:
      return Action::none;
  }
}

}  // namespace

Action next_action(const Tracee& tracee, Wanted wanted) {
  if (tracee.is_kept && wanted != Wanted::release) return Action::none;
  if (tracee.foreign && !tracee.shares_memory) return action_to_release(tracee);
  switch (wanted) {
    case Wanted::run:
      return action_to_run(tracee, Action::resume);
    case Wanted::step:
      // A handler must not be entered while SIGTRAP is unblocked for the step only: its frame would
      // keep that mask.
      if (tracee.state == TraceeState::signal_stopped) return Action::deliver_and_return;
      return tracee.state == TraceeState::group_stopped ? Action::none
                                                        : action_to_run(tracee, Action::step);
    case Wanted::hold:
      return action_to_hold(tracee);
    case Wanted::release:
      return action_to_release(tracee);
  }
  return Action::none;
}

bool is_settled(const Tracee& tracee, Wanted wanted) {
  if (tracee.id.tid == 0 || tracee.stuck) return true;
  if (tracee.is_kept && wanted != Wanted::release) return true;
  if ((tracee.foreign && !tracee.shares_memory) || wanted == Wanted::release) return false;
  if (tracee.state == TraceeState::exiting) return true;
  if (wanted == Wanted::hold) {
    return tracee.state == TraceeState::stopped || tracee.state == TraceeState::group_stopped ||
           (tracee.state == TraceeState::signal_stopped && tracee.keeps_signal);
  }
  return true;
}

}  // namespace clew::live
