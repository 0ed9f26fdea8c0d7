#include "session/return_value.h"

#include <dwarf.h>

#include "session/register_access.h"

namespace clew {
namespace {

constexpr uint64_t register_size = 8;
constexpr uint64_t most_in_registers = 16;

/// C++ classes that cannot be copied byte by byte are returned in memory, whatever their size
/// (DWARF 5, 5.7.1: DW_AT_calling_convention).
bool is_passed_by_reference(const std::shared_ptr<const sym::Module>& module,
                            const Dwarf_Die& function) {
  const auto lock = module->lock();
  Dwarf_Die die = function, type;
  Dwarf_Attribute attribute;
  if (dwarf_formref_die(dwarf_attr_integrate(&die, DW_AT_type, &attribute), &type) == nullptr)
    return false;
  Dwarf_Word convention = 0;
  return dwarf_formudata(dwarf_attr(&type, DW_AT_calling_convention, &attribute), &convention) ==
             0 &&
         convention == DW_CC_pass_by_reference;
}

Result<value::Value> in_register(Values& values, const value::Type* type, ThreadId thread,
                                 std::string_view name) {
  auto bytes = read_register(values.session().inferior(), thread, name);
  if (!bytes) return tl::unexpected(bytes.error());
  bytes->bytes.resize(type->size().value_or(0));
  return value::Value::of_bytes(values, type, std::move(bytes->bytes));
}

}  // namespace

Result<std::optional<value::Value>> return_value(Values& values,
                                                 const std::shared_ptr<const sym::Module>& module,
                                                 const Dwarf_Die& function, ThreadId thread) {
  using value::TypeKind;
  const value::Type* const type = values.types().type_of(module, function);
  const value::Type* const plain = type->stripped();
  const auto taken = [](Result<value::Value> value) -> Result<std::optional<value::Value>> {
    if (!value) return tl::unexpected(value.error());
    return std::optional<value::Value>(std::move(*value));
  };
  switch (plain->kind()) {
    case TypeKind::boolean:
    case TypeKind::character:
    case TypeKind::integer:
    case TypeKind::enumeration:
    case TypeKind::pointer:
    case TypeKind::reference:
      if (plain->size().value_or(0) > register_size) return std::nullopt;
      return taken(in_register(values, type, thread, "rax"));
    case TypeKind::floating:
      if (plain->size().value_or(0) > register_size) return std::nullopt;  // long double: st0
      return taken(in_register(values, type, thread, "xmm0"));
    case TypeKind::structure:
    case TypeKind::union_type:
      break;
    default:
      return std::nullopt;
  }
  if (plain->size().value_or(0) <= most_in_registers && !is_passed_by_reference(module, function))
    return std::nullopt;
  const auto address = read_register(values.session().inferior(), thread, "rax");
  if (!address) return tl::unexpected(address.error());
  return std::optional(value::Value::in_memory(values, type, {address->word()}));
}

}  // namespace clew
