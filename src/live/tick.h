#pragma once

#include <sys/types.h>

#include "live/ptrace_port.h"

namespace clew::live {

/// The signal that breaks off what blocks (see Ticking): its handler does nothing but end a sleep,
/// and what escapable_seize() is for.
void handle_ticks();

/// PTRACE_SEIZE, which a tick ends that comes while it sleeps. The kernel takes the lock that an
/// execve(2) in the target holds until all its other threads are gone (cred_guard_mutex,
/// ptrace_attach() in kernel/ptrace.c); those of them that are traced are gone only once their
/// tracer has reaped them. A signal does not end that sleep: the call is begun anew behind the
/// handler (ERESTARTNOINTR), so that the handler leaves it for good.
/// @return EAGAIN when a tick has ended it: nothing was done, and the tracees want to be looked at.
PortResult escapable_seize(pid_t tid, unsigned options);

}  // namespace clew::live
