#include "session/return_value.h"

#include "session/register_access.h"
#include "value/calling_convention.h"

namespace clew {
namespace {

value::RegisterReader registers_of(Values& values, ThreadId thread) {
  return [&values, thread](std::string_view name) -> Result<std::vector<std::byte>> {
    auto known = read_register(values.session().inferior(), thread, name);
    if (!known) return tl::unexpected(known.error());
    return std::move(known->bytes);
  };
}

}  // namespace

Result<std::optional<value::Value>> return_value(Values& values,
                                                 const std::shared_ptr<const sym::Module>& module,
                                                 const Dwarf_Die& function, ThreadId thread) {
  return value::returned_value(values, values.types().type_of(module, function),
                               registers_of(values, thread));
}

std::vector<value::GoResult> go_return_values(Values& values,
                                              const std::shared_ptr<const sym::Module>& module,
                                              const Dwarf_Die& function, ThreadId thread) {
  return value::go_results(values, module, function, registers_of(values, thread));
}

}  // namespace clew
