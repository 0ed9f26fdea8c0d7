#pragma once

#include "base/addr.h"
#include "base/result.h"
#include "value/target.h"

namespace clew::value {

/// Where the virtual base `member` of the object at `object` begins, which its virtual table knows
/// (DW_AT_data_member_location as an expression; DWARF 5, 5.7.3).
Result<Addr> virtual_base_address(Target& target, const Member& member, Addr object);

}  // namespace clew::value
