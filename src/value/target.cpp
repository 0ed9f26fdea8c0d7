#include "value/target.h"

#include <fmt/format.h>

#include "value/value.h"

namespace clew::value {

Status Target::write_memory(Addr, Bytes) {
  return fail(ErrorCode::unsupported, "what is looked at cannot be changed");
}

std::optional<NamedAddress> Target::name_of(Addr) { return std::nullopt; }

Result<const Type*> Target::find_type(std::string_view name, const Type*) {
  return fail(ErrorCode::not_found, fmt::format("there is no type {}", name));
}

Result<Value> Target::variable(const std::shared_ptr<const sym::Module>&, const Dwarf_Die&) {
  return fail(ErrorCode::unavailable, "where it is is not known");
}

}  // namespace clew::value
