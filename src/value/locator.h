#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "stack/dwarf_expression.h"
#include "sym/module_map.h"
#include "value/frame.h"
#include "value/value.h"

namespace clew::value {

/// Finds what a variable, parameter or constant of the debug information is worth.
class Locator {
 public:
  /// `frame` may be nullptr: then what lives in a function or a thread is absent. The values keep
  /// it.
  Locator(Target& target, std::shared_ptr<const Frame> frame, int depth = 0)
      : target_(target), frame_(std::move(frame)), depth_(depth) {}

  /// The value of a DIE (DW_TAG_variable, DW_TAG_formal_parameter, DW_TAG_member). Always a value
  /// of the right type: an absent one says why it is not here.
  Value variable(const sym::LoadedModule& module, const Dwarf_Die& die) const;

  /// The type with its lengths found out, where they stand in the frame (C's arrays of variable
  /// length).
  const Type* fixed(const sym::LoadedModule& module, const Type* type) const;

 private:
  Result<Value> find(const sym::LoadedModule& module, const Dwarf_Die& die, const Type* type) const;
  Value go_variable(const sym::LoadedModule& module, const Dwarf_Die& die,
                    const Value& value) const;
  const Type* dictionary_type(const sym::LoadedModule& module, const Type* type) const;
  std::string lives_elsewhere(const sym::LoadedModule& module,
                              const Dwarf_Attribute& attribute) const;
  const Type* fixed(const sym::LoadedModule& module, const Type* type, int depth) const;
  std::optional<uint64_t> dynamic_count(const sym::LoadedModule& module, const Type* type) const;

  Target& target_;
  std::shared_ptr<const Frame> frame_;
  int depth_;
};

/// The value of a type at a location, all that is not in memory read now. `frame` gives registers
/// and may be nullptr; `implicit` finds what an optimised out pointer points to.
Value value_at(Target& target, const Type* type, const stack::Location& location,
               const std::shared_ptr<const Frame>& frame,
               const std::function<Result<Value>(uint64_t die)>& implicit);

}  // namespace clew::value
