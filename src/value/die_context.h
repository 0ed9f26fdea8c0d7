#pragma once

#include <memory>

#include "stack/dwarf_expression.h"
#include "sym/module_map.h"
#include "value/frame.h"
#include "value/location_list.h"
#include "value/value.h"

namespace clew::value {

/// What an expression in the debug information of one unit asks, answered from a frame. Used under
/// the lock of the unit's module.
class DieContext final : public stack::ExpressionContext {
 public:
  /// `frame` may be nullptr: then only what has a fixed place can be found. `depth` counts contexts
  /// within contexts (entry values of entry values), which end.
  DieContext(Target& target, const sym::LoadedModule& module, const Dwarf_Die& die,
             std::shared_ptr<const Frame> frame, int depth = 0)
      : target_(target), module_(module), unit_(die), frame_(std::move(frame)), depth_(depth) {}

  const UnitFacts& unit() const { return unit_; }
  const std::shared_ptr<const Frame>& frame() const { return frame_; }

  /// The entry that is good at the frame's address; nullptr when there is none.
  const stack::Expression* choose(const std::vector<LocationEntry>& entries) const;
  /// A location or other expression attribute, evaluated. nullopt when it has none for this place.
  Result<std::optional<stack::Location>> evaluate(const Dwarf_Attribute& attribute);

  Result<uint64_t> register_word(unsigned dwarf) override;
  Result<std::vector<std::byte>> register_bytes(unsigned dwarf, size_t size) override;
  Status read_memory(uint64_t address, MutableBytes into) override;
  Result<uint64_t> relocated(uint64_t address) override;
  Result<uint64_t> address_at(uint64_t index) override;
  Result<uint64_t> constant_at(uint64_t index) override;
  Result<uint64_t> frame_base() override;
  Result<uint64_t> call_frame_cfa() override;
  Result<uint64_t> tls_address(uint64_t offset) override;
  Result<stack::Expression> called(uint64_t offset, bool in_unit) override;
  Result<stack::ExpressionValue> entry_value(const stack::Expression& inner) override;
  Result<stack::ExpressionValue> parameter_value(uint64_t offset) override;
  Result<stack::ExpressionValue> variable_value(uint64_t offset) override;
  Result<stack::ValueType> base_type(uint64_t offset) override;

 private:
  static constexpr int most_depth = 8;

  Result<stack::ExpressionValue> value_in_caller(const std::shared_ptr<const Frame>& caller,
                                                 const Dwarf_Die& parameter);
  Result<uint64_t> word_of(const Dwarf_Die& die, unsigned attribute);
  Status go_deeper(std::string_view what) const;

  Target& target_;
  const sym::LoadedModule& module_;
  UnitFacts unit_;
  std::shared_ptr<const Frame> frame_;
  int depth_;
  bool in_frame_base_ = false;
};

}  // namespace clew::value
