#pragma once

#include <memory>
#include <optional>

#include "session/values.h"

namespace clew {

/// What a function has just returned to where the thread stands now: as the System V ABI of x86-64
/// has it (3.2.3), in rax, xmm0, or in memory that rax points to. `function` is a DIE of `module`.
/// @return nothing for void, and for what is spread over several registers; not_stopped, gone.
Result<std::optional<value::Value>> return_value(Values& values,
                                                 const std::shared_ptr<const sym::Module>& module,
                                                 const Dwarf_Die& function, ThreadId thread);

}  // namespace clew
