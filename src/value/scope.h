#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "value/frame.h"

namespace clew::value {

/// A variable or parameter as a scope declares it.
struct Variable {
  std::string name;  ///< empty for one that has none
  Dwarf_Die die{};
  bool is_parameter = false;
  bool is_artificial = false;  ///< made by the compiler: `this` is one
  bool is_result = false;      ///< of Go: what the function returns
  unsigned line = 0;           ///< of its declaration; 0 when unknown
  /// How many blocks stand between it and the frame's instruction: 0 is the innermost one.
  unsigned depth = 0;
  /// A variable of the same name in an inner block hides it.
  bool is_hidden = false;
};

/// What can be named at the place where a frame is.
struct FrameScope {
  std::vector<Variable> parameters;  ///< in their order
  std::vector<Variable> locals;      ///< the innermost block's first, in each block in their order
  /// Of Go: locals that the line where the frame is declares. What they hold is theirs only if that
  /// line was run before.
  std::vector<Variable> declared_here;
};

/// Reads the scopes of a frame's function: of an inlined copy the copy's own. Variables of blocks
/// that the frame's instruction does not lie in are not there. Takes the module's lock.
FrameScope scope_of(const Frame& frame);

/// One visible variable of that name: a local, else a parameter, else one that is declared here.
/// @return nullopt.
std::optional<Variable> find_variable(const FrameScope& scope, std::string_view name);

}  // namespace clew::value
