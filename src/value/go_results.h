#pragma once

#include <memory>
#include <string>
#include <vector>

#include "value/calling_convention.h"
#include "value/types.h"

namespace clew::value {

/// One result of a function of Go.
struct GoResult {
  std::string name;  ///< as the source has it; empty for one without a name
  Result<Value> value;
};

/// What a function of Go has returned, in its order, with the registers as they are right behind
/// its return: Go's ABIInternal for amd64 (cmd/compile/abi-internal.md). Functions in assembly,
/// which have another, have no description of their results. `function` is a DIE of `module`.
/// Each result that cannot be had says why.
std::vector<GoResult> go_results(Target& target, const std::shared_ptr<const sym::Module>& module,
                                 const Dwarf_Die& function, const RegisterReader& registers);

}  // namespace clew::value
