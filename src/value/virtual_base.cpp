#include "value/virtual_base.h"

#include <dwarf.h>

#include "stack/dwarf_expression.h"
#include "value/dwarf_read.h"

namespace clew::value {
namespace {

class ObjectContext final : public stack::ExpressionContext {
 public:
  ObjectContext(Target& target, Addr object) : target_(target), object_(object) {}

  Status read_memory(uint64_t address, MutableBytes into) override {
    return target_.memory().read_exactly(Addr{address}, into);
  }
  Result<uint64_t> object_address() override { return object_.value; }

 private:
  Target& target_;
  Addr object_;
};

}  // namespace

Result<Addr> virtual_base_address(Target& target, const Member& member, Addr object) {
  const auto& module = member.type->module();
  if (module == nullptr) return fail(ErrorCode::bad_data, "a virtual base without a place");
  const auto lock = module->lock();
  auto attribute = attribute_of(member.die, DW_AT_data_member_location);
  Dwarf_Block block{};
  if (!attribute || dwarf_formblock(&*attribute, &block) != 0)
    return fail(ErrorCode::bad_data, "a virtual base without a place");
  stack::Expression expression;
  expression.bytes = std::as_bytes(std::span(block.data, block.length));
  ObjectContext context(target, object);
  const uint64_t initial[] = {object.value};
  const auto location = stack::evaluate(expression, context, initial);
  if (!location) return tl::unexpected(location.error());
  const auto word = stack::as_word(*location);
  if (!word) return tl::unexpected(word.error());
  return Addr{*word};
}

}  // namespace clew::value
