#pragma once

#include "base/addr.h"
#include "base/bytes.h"
#include "live/x86_64/net_layout.h"

namespace clew::live::net {

/// @return the code, to be copied to the beginning of a page.
Bytes code();

/// @return the action to install in the target by rt_sigaction(2) (with a mask of 8 bytes) in place
/// of `former`, when code() is at `base`.
///
/// It has the former's flags and mask, so that the kernel enters the former handler as it always
/// did, and these besides:
///   SA_SIGINFO   the net needs the registers;
///   SA_ONSTACK   a trap can be met on a stack that has no room for a signal frame, such as Go's;
///   SA_NODEFER   a trap can be met in the handler itself. SIGTRAP is blocked for the former
///   handler
///                by the net, once no trap is left;
///   SA_RESTORER  the former's, which unwinders know; the net's own where there was none;
///   SA_RESTART   where the former action was none: a handler must not cut system calls short.
/// SA_RESETHAND is left out: the net resets Header::former instead.
SignalAction action_over(const SignalAction& former, Addr base);

/// @return true when an action of SIGTRAP is that of a net whose code is at `base`.
bool is_action_of_net(const SignalAction& action, Addr base);

}  // namespace clew::live::net
