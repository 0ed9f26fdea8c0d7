#pragma once

#include "base/bytes.h"

namespace clew {

/// Has the kernel put memory behind fresh pages of clew's own at once, which costs a fraction of a
/// fault for each of them (on a virtual machine a fault takes some 6 µs). What is in them stays.
/// Where it cannot (before Linux 5.14) they are touched one by one.
void populate(MutableBytes fresh);

}  // namespace clew
