#include "lang/go/type_names.h"

#include <fmt/format.h>

#include "value/type_text.h"
#include "value/types.h"

namespace clew::go {

using value::Type;
using value::Value;

std::string declared_name(const Value& value) { return value::type_text(value.type()); }

std::string nil_of(const Value& value) {
  const std::string name = declared_name(value);
  const bool needs_brackets = name.starts_with("func(") || name.starts_with('*') ||
                              name.starts_with("<-chan") || name.starts_with("chan ");
  return needs_brackets ? fmt::format("({})(nil)", name) : fmt::format("{}(nil)", name);
}

bool is_indirect(const Type* held, const Type* wanted) {
  return held->is_pointer() && !value::is_same(held, wanted) &&
         value::is_same(held->stripped()->target(), wanted);
}

Value of_slot(const Value& slot, const Type* wanted) {
  if (wanted == nullptr) return slot;
  if (!is_indirect(slot.type(), wanted)) return slot.as(wanted);
  const auto object = slot.dereference_as(wanted);
  return object ? *object : Value::absent(slot.target(), wanted, object.error().text);
}

}  // namespace clew::go
