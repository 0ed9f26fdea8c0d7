// Parts of a value in an expression: members, elements, slices.

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/conversion.h"
#include "lang/evaluator.h"
#include "lang/expression.h"
#include "lang/field.h"
#include "lang/wide.h"
#include "value/made_types.h"
#include "value/place.h"
#include "value/type_text.h"

namespace clew::lang {

using value::TypeKind;

/// &Class::member of one that each object has. @return nullopt for everything else.
std::optional<value::Value> Evaluator::pointer_to_member(const Node& node) {
  const size_t scope = node.kind == NodeKind::name ? node.text.rfind("::") : node.text.npos;
  if (scope == node.text.npos || scope == 0 || language_ == Language::rust) return std::nullopt;
  if (environment_.variable(node.text, node.file)) return std::nullopt;
  const auto type = environment_.type(node.text.substr(0, scope), TypeName::Tag::any);
  if (!type) return std::nullopt;
  const auto field = find_field(*type, {std::string_view(node.text).substr(scope + 2)});
  if (!field) return std::nullopt;
  return arithmetic_.number(
      value::member_pointer_to(environment_.target().types(), *type, field->type), field->offset);
}

Result<value::Value> Evaluator::member_at(const Value& object, const Value& pointer) {
  const Type* const type = pointer.type()->stripped();
  if (type->kind() != TypeKind::member_pointer) {
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} points to no member",
                                                    value::type_text(pointer.type())));
  }
  if (type->target()->stripped()->kind() == TypeKind::function)
    return fail(ErrorCode::bad_request, "a member function can only be called");
  auto part = converted(arithmetic_, object, type->containing());
  if (!part) return part;
  // Itanium C++ ABI, 2.3: the offset, -1 for none.
  const auto offset = pointer.read<int64_t>();
  if (!offset) return tl::unexpected(offset.error());
  if (*offset < 0) return fail(ErrorCode::bad_request, "this pointer points to no member");
  return part->part(static_cast<uint64_t>(*offset), type->target());
}

Result<value::Value> Evaluator::member(const Node& node) {
  auto object = object_of(node, false);
  if (!object) return object;
  if (language_ == Language::rust) return rust_member(*object, node.text);
  return member_of(*object, node.text);
}

/// Of which a.b and a->b take a part, or call a function.
Result<value::Value> Evaluator::object_of(const Node& node, bool is_called) {
  auto object = evaluate(*node.parts[0]);
  if (!object) return object;
  object = object->referred();
  if (!object) return object;
  const bool was_pointer = object->type()->is_pointer();
  // Pointers are followed for both, as gdb does; smart ones for -> alone.
  for (int i = 0; i < 2 && object->type()->is_pointer(); ++i) {
    object = object->dereference();
    if (!object) return object;
    if (language_ != Language::rust) break;
  }
  const Type* const type = object->type()->stripped();
  if (type->kind() != TypeKind::structure && type->kind() != TypeKind::union_type) {
    return fail(ErrorCode::bad_request,
                fmt::format("a value of type {} has no members", value::type_text(object->type())));
  }
  if (node.kind == NodeKind::arrow && !was_pointer &&
      (is_called || type->find_member(node.text).empty())) {
    if (const auto pointer = held_pointer(*object)) return pointer->dereference();
  }
  return object;
}

Result<value::Value> Evaluator::member_of(const Value& object, const std::string& name) {
  const size_t scope = name.rfind("::");
  if (scope != name.npos) {
    // object.Base::x
    const auto base = environment_.type(name.substr(0, scope), TypeName::Tag::any);
    if (!base) return tl::unexpected(base.error());
    auto part = converted(arithmetic_, object, *base);
    if (!part) return part;
    return part->member(name.substr(scope + 2));
  }
  auto found = object.member(name);
  if (found || found.error().code != ErrorCode::not_found) return found;
  for (const value::Method& method : object.type()->stripped()->methods()) {
    if (method.name == name) return environment_.method(object.type(), method);
  }
  return fail(ErrorCode::not_found,
              fmt::format("{} has no member {}", value::type_text(object.type()), printable(name)));
}

Result<value::Value> Evaluator::rust_member(const Value& value, const std::string& name) {
  Value object = value;
  const Type* type = object.type()->stripped();
  if (!type->variant_parts().empty()) {
    const auto active = object.active_variant(type->variant_parts().front());
    if (!active) return tl::unexpected(active.error());
    if (active->variant->members.empty())
      return fail(ErrorCode::not_found, "this alternative has no fields");
    auto payload = object.member(active->variant->members.front());
    if (!payload) return payload;
    object = std::move(*payload);
  }
  // Fields of tuples have the names "__0" and on in the debug information.
  const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
  if (is_number && object.has_member("__" + name)) return object.member("__" + name);
  if (object.has_member(name)) return object.member(name);
  if (const auto pointer = held_pointer(object)) {
    const auto pointed = pointer->dereference();
    if (pointed && pointed->has_member(name)) return pointed->member(name);
  }
  return member_of(object, name);
}

std::optional<value::Value> Evaluator::held_pointer(const Value& value) {
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr) return std::nullopt;
  const auto shown = printer->present(value);
  if (!shown) return std::nullopt;
  if (shown->stand_in) return shown->stand_in->pointer().value_or(*shown->stand_in);
  if (!shown->next || shown->shape != value::Shape::fields) return std::nullopt;
  // What a smart pointer's printer gives first: get() = 0x…
  const auto first = shown->next();
  if (!first || !*first || (*first)->name != "get()") return std::nullopt;
  return (*first)->value;
}

bool Evaluator::has_keys(const Value& value) {
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr) return false;
  const auto shown = printer->present(value);
  return shown && shown->shape == value::Shape::map;
}

std::optional<Result<value::Value>> Evaluator::presented_element(const Value& value,
                                                                 uint64_t index) {
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr) return std::nullopt;
  const auto shown = printer->present(value);
  if (!shown) return Result<Value>(tl::unexpected(shown.error()));
  if (shown->stand_in) return element(*shown->stand_in, static_cast<int64_t>(index));
  if (!shown->next || shown->shape != value::Shape::list) return std::nullopt;
  // A list is walked: only so many are.
  constexpr uint64_t most_walked = 1'000'000;
  for (uint64_t i = 0; i <= std::min(index, most_walked); ++i) {
    const auto next = shown->next();
    if (!next) return Result<Value>(tl::unexpected(next.error()));
    if (!*next) {
      return Result<Value>(
          fail(ErrorCode::not_found, fmt::format("there is no element {}: it has {}", index, i)));
    }
    if (i == index) return Result<Value>((*next)->value);
  }
  return Result<Value>(fail(ErrorCode::unsupported, "so many elements are not walked through"));
}

Result<int64_t> Evaluator::count_of(const Node* node, int64_t otherwise) {
  if (node == nullptr) return otherwise;
  const auto value = evaluate(*node);
  if (!value) return tl::unexpected(value.error());
  const auto number = wide_of(*value);
  if (!number) return tl::unexpected(number.error());
  return static_cast<int64_t>(static_cast<uint64_t>(*number));
}

Result<value::Value> Evaluator::index(const Node& node) {
  auto array = evaluate(*node.parts[0]);
  if (!array) return array;
  const auto number = count_of(node.parts[1].get(), 0);
  if (!number) {
    const auto object = array->referred();
    if (object && has_keys(*object)) {
      return fail(ErrorCode::unsupported,
                  "elements are not looked up by their keys: print shows them all");
    }
    return tl::unexpected(number.error());
  }
  return element(*array, *number);
}

Result<value::Value> Evaluator::element(const Value& array, int64_t index) {
  auto object = array.referred();
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  if (type->kind() == TypeKind::structure) {
    if (object->has_member("data_ptr") && object->has_member("length"))
      return slice_of(*object, index, -1);
    if (auto found = presented_element(*object, static_cast<uint64_t>(index))) return *found;
    return fail(ErrorCode::bad_request, fmt::format("a value of type {} has no elements",
                                                    value::type_text(object->type())));
  }
  // In C what lies behind an array is looked at on purpose; Rust has no such elements.
  if (environment_.language() == Language::rust && type->kind() == TypeKind::array &&
      type->count() && static_cast<uint64_t>(index) >= *type->count()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no element {}: it has {}", index, *type->count()));
  }
  return object->element(index);
}

Result<value::Value> Evaluator::slice(const Node& node) {
  auto array = evaluate(*node.parts[0]);
  if (!array) return array;
  auto object = array->referred();
  if (!object) return object;
  std::optional<uint64_t> length = object->type()->stripped()->count();
  if (object->has_member("data_ptr") && object->has_member("length")) {
    const auto known = object->member("length");
    const auto number = known ? known->as_unsigned() : tl::unexpected(known.error());
    if (!number) return tl::unexpected(number.error());
    length = *number;
  }
  const int64_t lowest = object->type()->stripped()->kind() == TypeKind::array
                             ? object->type()->stripped()->lower_bound()
                             : 0;
  const auto first = count_of(node.parts[1].get(), lowest);
  if (!first) return tl::unexpected(first.error());
  if (node.parts[2] == nullptr && !length)
    return fail(ErrorCode::bad_request, "a slice of a pointer needs an end: p[0:4]");
  const auto last =
      count_of(node.parts[2].get(), static_cast<int64_t>(length.value_or(0) & INT64_MAX) + lowest);
  if (!last) return tl::unexpected(last.error());
  const int64_t count =
      static_cast<int64_t>(static_cast<uint64_t>(*last) - static_cast<uint64_t>(*first));
  if (count <= 0 || count > most_elements)
    return fail(
        ErrorCode::bad_request,
        fmt::format("from {} up to {}, which is not part of it, there is nothing", *first, *last));
  if (environment_.language() == Language::rust && length &&
      (*first < 0 || static_cast<uint64_t>(*last) > *length)) {
    return fail(ErrorCode::not_found,
                fmt::format("there is nothing up to {}: it has {}", *last, *length));
  }
  return slice_of(*object, *first, count);
}

/// -1 elements: that one alone.
Result<value::Value> Evaluator::slice_of(const Value& array, int64_t first, int64_t count) {
  Value pointer = array;
  if (array.type()->is_structure()) {
    auto data = array.member("data_ptr");
    if (!data) return data;
    const auto length = array.member("length");
    const auto known = length ? length->as_unsigned() : tl::unexpected(length.error());
    if (!known) return tl::unexpected(known.error());
    const auto end = static_cast<uint64_t>(first) + static_cast<uint64_t>(count < 0 ? 1 : count);
    if (first < 0 || end > *known) {
      return fail(ErrorCode::not_found,
                  fmt::format("there is no element {}: it has {}",
                              first < 0 ? first : static_cast<int64_t>(end - 1), *known));
    }
    pointer = *data;
  }
  auto start = pointer.element(first);
  if (!start || count < 0) return start;
  return start->as(
      environment_.target().types().array_of(start->type(), static_cast<uint64_t>(count)));
}
}  // namespace clew::lang
