#include "lang/conversion.h"

#include <fmt/format.h>

#include "lang/wide.h"
#include "value/dynamic_type.h"
#include "value/place.h"
#include "value/type_text.h"

namespace clew::lang {

using value::Member;
using value::Type;
using value::TypeKind;
using value::Value;

namespace {

/// The way from a class to one of its bases, outermost first. `budget` bounds a broken file's
/// circles.
bool find_base(const Type* derived, const Type* base, int depth, int& budget,
               std::vector<const Member*>& path) {
  if (depth > most_bases) return false;
  for (const Member& member : derived->stripped()->members()) {
    if (!member.is_base) continue;
    if (--budget < 0) return false;
    path.push_back(&member);
    if (value::is_same(member.type, base) || find_base(member.type, base, depth + 1, budget, path))
      return true;
    path.pop_back();
  }
  return false;
}

std::vector<const Member*> path_to_base(const Type* derived, const Type* base) {
  std::vector<const Member*> path;
  int budget = 10'000;
  if (derived->is_structure() && base->is_structure() && !value::is_same(derived, base))
    find_base(derived, base, 0, budget, path);
  return path;
}

/// The object as a base of its class, or as a class of which it is a base. @return not_found when
/// the classes are strangers.
Result<Value> related(const Value& object, const Type* type) {
  if (value::is_same(object.type(), type)) return object.as(type);
  Value part = object;
  const auto up = path_to_base(object.type(), type);
  for (const Member* step : up) {
    auto next = part.member(*step);
    if (!next) return next;
    part = std::move(*next);
  }
  if (!up.empty()) return part.as(type);
  const auto down = path_to_base(type, object.type());
  if (down.empty()) return fail(ErrorCode::not_found, "neither class is a base of the other");
  uint64_t offset = 0;
  for (const Member* step : down) {
    if (step->is_virtual) {
      return fail(ErrorCode::bad_request,
                  "from a virtual base only dynamic_cast leads to the class");
    }
    offset += step->offset();
  }
  const auto at = object.address();
  if (!at) return fail(ErrorCode::bad_request, "the object is not in memory");
  return Value::in_memory(object.target(), type, *at - offset);
}

tl::unexpected<Error> no_way(const Value& value, const Type* type) {
  return fail(ErrorCode::bad_request,
              fmt::format("a value of type {} cannot be made a {}", value::type_text(value.type()),
                          value::type_text(type)));
}

Result<Value> to_pointer(const Arithmetic& arithmetic, const Value& value, const Type* type) {
  const Type* const target = type->stripped()->target();
  if (value.type()->is_pointer() && target->is_structure() &&
      value.type()->stripped()->target()->is_structure()) {
    const auto address = value.as_unsigned();
    const auto object = value.dereference();
    if (address && *address != 0 && object) {
      auto moved = related(*object, target);
      if (moved && moved->address()) return arithmetic.number(type, moved->address()->value);
      if (!moved && moved.error().code != ErrorCode::not_found) return moved;
    }
  }
  // Of an optimised out pointer what it points to is known all the same.
  if (value.place().kind() == value::Place::Kind::implicit_pointer) return value.as(type);
  const auto number = wide_of(value);
  if (!number) return tl::unexpected(number.error());
  return of_wide(value.target(), type, *number);
}

Result<Value> to_number(const Value& value, const Type* type) {
  const Type* const plain = type->stripped();
  const Type* const from = value.type()->stripped();
  if (plain->kind() == TypeKind::boolean) {
    const auto is_true = value.as_condition();
    if (!is_true) return tl::unexpected(is_true.error());
    return Value::of_number(value.target(), type, *is_true ? 1 : 0);
  }
  if (plain->kind() == TypeKind::floating) {
    const auto number = value.as_floating();
    if (!number) return tl::unexpected(number.error());
    return Value::of_floating(value.target(), type, *number);
  }
  if (from->kind() == TypeKind::floating) {
    const auto number = value.as_unsigned();
    if (!number) return tl::unexpected(number.error());
    return of_wide(value.target(), type, *number);
  }
  const auto number = wide_of(value);
  if (!number) return tl::unexpected(number.error());
  return of_wide(value.target(), type, *number);
}

Result<Value> to_aggregate(const Value& value, const Type* type) {
  const Type* const from = value.type()->stripped();
  if (value::is_same(value.type(), type)) return value.as(type);
  if (type->is_structure() && from->kind() == TypeKind::structure) {
    auto part = related(value, type);
    if (part || part.error().code != ErrorCode::not_found) return part;
  }
  // The same bytes in another light.
  const auto size = type->size();
  if (value.address() || (size && *size <= value.size())) return value.as(type);
  return no_way(value, type);
}

}  // namespace

bool is_base_of(const Type* base, const Type* derived) {
  return !path_to_base(derived, base).empty();
}

Result<Value> converted(const Arithmetic& arithmetic, const Value& value, const Type* type) {
  const TypeKind kind = type->stripped()->kind();
  if (kind == TypeKind::nothing) return Value(value.target());
  auto object = value.referred();
  if (!object) return object;
  if (kind == TypeKind::reference) {
    auto part = to_aggregate(*object, type->stripped()->target());
    if (!part) return part;
    const auto at = part->address();
    if (!at) return fail(ErrorCode::bad_request, "what is not in memory cannot be referred to");
    return arithmetic.number(type, at->value);
  }
  // A symbol without debug information is what it is said to be.
  if (object->type()->stripped()->kind() == TypeKind::unknown && object->address())
    return object->as(type);
  if (object->is_absent()) return Value::absent(value.target(), type, object->absence());
  if (kind == TypeKind::structure || kind == TypeKind::union_type || kind == TypeKind::array ||
      kind == TypeKind::member_pointer || kind == TypeKind::complex || kind == TypeKind::unknown) {
    return to_aggregate(*object, type);
  }
  if (kind == TypeKind::function) return no_way(value, type);
  auto scalar = arithmetic.decayed(*object);
  if (!scalar) return scalar;
  if (!scalar->type()->is_scalar()) return no_way(value, type);
  return kind == TypeKind::pointer ? to_pointer(arithmetic, *scalar, type)
                                   : to_number(*scalar, type);
}

Result<Value> dynamically_converted(const Arithmetic& arithmetic, const Value& value,
                                    const Type* type) {
  const bool to_reference = type->stripped()->kind() == TypeKind::reference;
  if (!to_reference && !type->is_pointer())
    return fail(ErrorCode::bad_request, "dynamic_cast gives pointers and references");
  auto object = to_reference ? value.referred() : value.dereference();
  if (!object) return object;
  if (!to_reference) {
    const auto address = value.as_unsigned();
    if (!address) return tl::unexpected(address.error());
    if (*address == 0) return arithmetic.number(type, 0);
  }
  if (const auto whole = value::dynamic_object(*object)) object = *whole;
  const Type* const wanted = type->stripped()->target();
  auto part = wanted->stripped()->kind() == TypeKind::nothing ? object : related(*object, wanted);
  // What the object is in truth is known: a class further down it is not.
  const bool is_part = part && (value::is_same(object->type(), wanted) ||
                                wanted->stripped()->kind() == TypeKind::nothing ||
                                !path_to_base(object->type(), wanted).empty());
  if (is_part && part->address()) return arithmetic.number(type, part->address()->value);
  if (to_reference) return fail(ErrorCode::bad_request, "the object is none of that class");
  return arithmetic.number(type, 0);
}

}  // namespace clew::lang
