#pragma once

#include <memory>
#include <optional>

#include "session/values.h"
#include "value/go_results.h"

namespace clew {

/// What a function has just returned to where the thread stands now. `function` is a DIE of
/// `module`. @return nothing for void; unsupported for what no register class fits; not_stopped,
/// gone.
Result<std::optional<value::Value>> return_value(Values& values,
                                                 const std::shared_ptr<const sym::Module>& module,
                                                 const Dwarf_Die& function, ThreadId thread);

/// The same of a function of Go, which can have several results.
std::vector<value::GoResult> go_return_values(Values& values,
                                              const std::shared_ptr<const sym::Module>& module,
                                              const Dwarf_Die& function, ThreadId thread);

}  // namespace clew
