#pragma once

#include <elfutils/libdw.h>

#include <functional>
#include <memory>

#include "base/result.h"
#include "value/frame.h"

namespace clew::value {

/// The call that a frame was made by, as the caller's debug information describes it (DWARF 5,
/// 3.4): what was passed, by which values at the entry of the function can be known again.
struct CallSite {
  std::shared_ptr<const Frame> caller;
  Dwarf_Die die{};
};

/// Called under the lock of the caller's module. @return unavailable with the reason: no caller, no
/// description, or one that is not sure to be of a call of this function (a tail call may have come
/// between).
Result<CallSite> call_site_of(const Frame& frame);

/// The description of one parameter of a call: the first that `wanted` takes. @return false.
bool find_call_parameter(const CallSite& site, const std::function<bool(const Dwarf_Die&)>& wanted,
                         Dwarf_Die& parameter);

}  // namespace clew::value
