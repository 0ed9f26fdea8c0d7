#include "lang/go/goroutine.h"

namespace clew::go {

std::string_view state_name(GoroutineState state) {
  switch (state) {
    case GoroutineState::idle:
      return "idle";
    case GoroutineState::runnable:
      return "runnable";
    case GoroutineState::running:
      return "running";
    case GoroutineState::syscall:
      return "syscall";
    case GoroutineState::waiting:
      return "waiting";
    case GoroutineState::dead:
    case GoroutineState::dead_extra:
      return "dead";
    case GoroutineState::copying_stack:
      return "copying stack";
    case GoroutineState::preempted:
      return "preempted";
    case GoroutineState::leaked:
      return "leaked";
  }
  return "";
}

}  // namespace clew::go
