// Parts of Go values: fields, elements, slices, what interfaces hold; and types by what was typed.

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/go_rules.h"
#include "lang/wide.h"
#include "value/go_types.h"
#include "value/type_text.h"
#include "value/types.h"

namespace clew::lang {

using value::GoKind;
using value::Type;
using value::TypeKind;
using value::Value;

namespace {

Result<int64_t> number_in(const Value& object, std::string_view name) {
  const auto member = object.member(name);
  return member ? member->as_signed() : tl::unexpected(member.error());
}

/// Elements in a row, of which some can be taken.
struct Row {
  Value first;  ///< the array, or the pointer to the first element
  int64_t length = 0, capacity = 0;
};

/// An array, a pointer to one, or a slice. @return nullopt for others.
Result<std::optional<Row>> row_of(const Value& object) {
  const Type* const type = object.type()->stripped();
  if (type->go_kind() == GoKind::slice) {
    const auto array = object.member("array");
    const auto length = number_in(object, "len");
    const auto capacity = number_in(object, "cap");
    if (!array) return tl::unexpected(array.error());
    if (!length || !capacity) return tl::unexpected((!length ? length : capacity).error());
    if (*length < 0 || *length > *capacity)
      return fail(
          ErrorCode::bad_data,
          fmt::format("a slice of length {} and capacity {} is impossible", *length, *capacity));
    return std::optional(Row{*array, *length, *capacity});
  }
  if (type->kind() == TypeKind::array) {
    const auto count = static_cast<int64_t>(type->count().value_or(0));
    return std::optional(Row{object, count, count});
  }
  return std::nullopt;
}

/// Pointers to arrays stand for the arrays.
Result<Value> without_pointer_to_array(const Value& object) {
  const Type* const type = object.type()->stripped();
  if (type->kind() == TypeKind::pointer && type->target()->stripped()->kind() == TypeKind::array) {
    return object.dereference();
  }
  return object;
}

tl::unexpected<Error> out_of_range(int64_t index, int64_t length) {
  return go_panic("the index {} is out of range: there {} {} element{}", index,
                  length == 1 ? "is" : "are", length, length == 1 ? "" : "s");
}

/// A structure's own field, or one that an embedded one promotes: the way to it. "Selectors": the
/// shallowest counts.
std::vector<const value::Member*> find_field_path(const Type* type, const std::string& name) {
  struct Step {
    const Type* type;
    std::vector<const value::Member*> path;
  };
  constexpr size_t most_levels = 32;
  constexpr size_t most_types = 10'000;
  std::vector<Step> level{{type->stripped(), {}}};
  size_t looked_at = 0;
  for (size_t depth = 0; depth < most_levels && !level.empty(); ++depth) {
    std::vector<Step> next;
    for (const Step& step : level) {
      if (++looked_at > most_types) return {};
      for (const value::Member& member : step.type->members()) {
        if (member.name == name) {
          auto path = step.path;
          path.push_back(&member);
          return path;
        }
        if (!member.is_embedded) continue;
        const Type* inner = member.type->stripped();
        if (inner->kind() == TypeKind::pointer) inner = inner->target()->stripped();
        if (inner->kind() != TypeKind::structure) continue;
        auto path = step.path;
        path.push_back(&member);
        next.push_back({inner, std::move(path)});
      }
    }
    level = std::move(next);
  }
  return {};
}

}  // namespace

Result<std::optional<Value>> GoRules::dynamic(const Value& value) const {
  if (!is_go_interface(value.type())) return std::nullopt;
  const value::Printer* const printer = environment_.printers().find(value.type());
  if (printer == nullptr)
    return fail(ErrorCode::unsupported,
                "this version of Go has interfaces that clew does not know");
  auto shown = printer->present(value);
  if (!shown) return tl::unexpected(shown.error());
  if (shown->stand_in) return std::move(shown->stand_in);
  const auto word = value.read<uint64_t>();
  if (!word) return tl::unexpected(word.error());
  if (*word == 0) return std::nullopt;
  return fail(ErrorCode::unavailable,
              "the debug information does not have the type of what it holds");
}

Result<Value> GoRules::field(const Value& operand, const std::string& name) {
  auto object = usable(operand);
  if (!object) return object;
  // A pointer to a structure, or what an interface holds, be it a pointer again.
  constexpr int most_steps = 3;
  for (int i = 0; i < most_steps; ++i) {
    if (is_go_interface(object->type())) {
      auto held = dynamic(*object);
      if (!held) return tl::unexpected(held.error());
      if (!*held) return go_panic("the interface is nil");
      object = std::move(**held);
    }
    const Type* const type = object->type()->stripped();
    if (type->kind() != TypeKind::pointer || !type->target()->is_structure()) break;
    object = dereferenced(*object);
    if (!object) return object;
  }
  const Type* const type = object->type()->stripped();
  if (type->kind() != TypeKind::structure)
    return no_go("a value of type {} has no fields", go_type_text(object->type()));
  const auto path = find_field_path(type, name);
  if (path.empty()) {
    return fail(ErrorCode::not_found, fmt::format("{} has no field {}; clew does not call methods",
                                                  go_type_text(object->type()), printable(name)));
  }
  for (const value::Member* step : path) {
    if (object->type()->is_pointer()) object = dereferenced(*object);
    if (object) object = object->member(*step);
    if (!object) return object;
  }
  return object;
}

Result<int64_t> GoRules::number_of(const Value& index) const {
  auto number = usable(index);
  if (number && is_untyped(number->type())) number = constant_as(*number, named("int"));
  if (!number) return tl::unexpected(number.error());
  if (number->type()->stripped()->kind() != TypeKind::integer)
    return no_go("an index is a whole number, no {}", go_type_text(number->type()));
  const auto wide = wide_of(*number);
  if (!wide) return tl::unexpected(wide.error());
  if (!is_negative(*wide) && *wide > Wide{INT64_MAX}) return INT64_MAX;
  return static_cast<int64_t>(static_cast<uint64_t>(*wide));
}

Result<Value> GoRules::map_element(const Value& map,
                                   const std::function<Result<bool>(const Value& key)>& is_wanted) {
  const value::Printer* const printer = environment_.printers().find(map.type());
  if (printer == nullptr)
    return fail(ErrorCode::unsupported, "this version of Go has maps that clew does not know");
  const auto shown = printer->present(map);
  if (!shown) return tl::unexpected(shown.error());
  // Its hash would tell where it is, but the function for that is the program's.
  while (shown->next) {
    const auto next = shown->next();
    if (!next) return tl::unexpected(next.error());
    if (!*next) break;
    const auto is_it = is_wanted(*(*next)->key);
    if (!is_it) return tl::unexpected(is_it.error());
    if (*is_it) return (*next)->value;
  }
  return go_panic("the map has no element with this key");
}

/// What an index is applied to: what an interface holds, and what a pointer to an array points to.
Result<Value> GoRules::indexed(const Value& operand) const {
  auto object = usable(operand);
  if (object && is_go_interface(object->type())) {
    auto held = dynamic(*object);
    if (!held) return tl::unexpected(held.error());
    if (!*held) return go_panic("the interface is nil");
    object = std::move(**held);
  }
  return object ? without_pointer_to_array(*object) : object;
}

Result<Value> GoRules::element(const Value& operand, const Literal& key) {
  const auto object = indexed(operand);
  if (!object) return object;
  if (object->type()->find_go_kind(GoKind::map) == nullptr)
    return no_go("a {} is no index", go_type_text(key.type));
  return map_element(*object, [&](const Value& own) { return equal(own, key); });
}

Result<Value> GoRules::element(const Value& operand, const Value& index) {
  const auto object = indexed(operand);
  if (!object) return object;
  if (object->type()->find_go_kind(GoKind::map) != nullptr) {
    const auto wanted = usable(index);
    if (!wanted) return wanted;
    return map_element(*object, [&](Value key) -> Result<bool> {
      Value other = *wanted;
      if (auto matched = match(Op::equal, key, other); !matched)
        return tl::unexpected(matched.error());
      return equal(key, other, 0);
    });
  }
  const auto number = number_of(index);
  if (!number) return tl::unexpected(number.error());
  if (object->type()->stripped()->go_kind() == GoKind::string) {
    const auto length = number_in(*object, "len");
    const auto start = object->member("str");
    if (!length) return tl::unexpected(length.error());
    if (*number < 0 || *number >= *length) return out_of_range(*number, *length);
    return start ? start->element(*number) : start;
  }
  const auto row = row_of(*object);
  if (!row) return tl::unexpected(row.error());
  if (!*row) {
    return no_go("a value of type {} has no elements that an index could choose",
                 go_type_text(object->type()));
  }
  if (*number < 0 || *number >= (*row)->length) return out_of_range(*number, (*row)->length);
  return (*row)->first.element(*number);
}

Result<Value> GoRules::slice(const Value& operand, const Ends& ends) {
  auto object = usable(operand);
  if (object) object = without_pointer_to_array(*object);
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  const bool is_string = type->go_kind() == GoKind::string;
  Result<std::optional<Row>> row = std::optional<Row>();
  if (is_string) {
    auto start = object->member("str");
    const auto length = number_in(*object, "len");
    if (!start) return start;
    if (!length) return tl::unexpected(length.error());
    row = std::optional(Row{*start, *length, *length});
  } else {
    row = row_of(*object);
  }
  if (!row) return tl::unexpected(row.error());
  if (!*row) return no_go("a value of type {} cannot be sliced", go_type_text(object->type()));
  const auto end = [&](const std::optional<Value>& given, int64_t otherwise) -> Result<int64_t> {
    return given ? number_of(*given) : Result<int64_t>(otherwise);
  };
  const auto low = end(ends.low, 0);
  const auto high = end(ends.high, (*row)->length);
  const auto most = end(ends.most, (*row)->capacity);
  for (const auto* const one : {&low, &high, &most})
    if (!*one) return tl::unexpected(one->error());
  if (*low < 0 || *low > *high || *high > *most || *most > (*row)->capacity) {
    return go_panic("[{}:{}] is out of range: the {} is {}", *low, *high,
                    is_string ? "length" : "capacity", (*row)->capacity);
  }
  const Type* const element =
      type->kind() == TypeKind::array ? type->target() : (*row)->first.type()->stripped()->target();
  const auto count = static_cast<uint64_t>(*high - *low);
  if (type->kind() == TypeKind::array) {
    // Of an array a part, which is one again.
    const auto first = object->element(*low);
    return first ? first->as(target_.types().array_of(element, count)) : first;
  }
  const auto start = (*row)->first.as_unsigned();
  if (!start) return tl::unexpected(start.error());
  const uint64_t size =
      element->size() ? *element->size() : element->stripped()->size().value_or(0);
  const uint64_t words[] = {*start + static_cast<uint64_t>(*low) * size, count,
                            static_cast<uint64_t>(*most - *low)};
  const Bytes bytes = std::as_bytes(std::span(words));
  return Value::of_bytes(
      target_, object->type(),
      {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(type->size().value_or(0))});
}

Result<Value> GoRules::asserted(const Value& operand, const Type* type) {
  auto object = usable(operand);
  if (!object) return object;
  if (!is_go_interface(object->type()))
    return no_go("a value of type {} is no interface", go_type_text(object->type()));
  auto held = dynamic(*object);
  if (!held) return tl::unexpected(held.error());
  if (!*held) return go_panic("the interface is nil, no {}", go_type_text(type));
  if (is_go_interface(type)) return no_go("clew asserts types that are no interfaces");
  if (value::is_same((*held)->type(), type)) return **held;
  return go_panic("the interface holds a {}, no {}", go_type_text((*held)->type()),
                  go_type_text(type));
}

std::optional<Result<Value>> GoRules::builtin(const std::string& name,
                                              const std::vector<Value>& arguments) {
  const bool is_length = name == "len" || name == "cap";
  const bool is_part = name == "real" || name == "imag";
  if (!is_length && !is_part) return std::nullopt;
  if (arguments.size() != 1) return Result<Value>(no_go("{} takes one value", name));
  auto object = usable(arguments.front());
  if (object) object = without_pointer_to_array(*object);
  if (!object) return object;
  const Type* const type = object->type()->stripped();
  const auto number = [&](const Result<uint64_t>& count) -> Result<Value> {
    if (!count) return tl::unexpected(count.error());
    return Value::of_number(target_, named("int"), *count);
  };
  const auto in = [&](std::string_view member) -> Result<uint64_t> {
    const auto found = object->member(member);
    return found ? found->as_unsigned() : tl::unexpected(found.error());
  };
  if (is_part) {
    if (type->kind() != TypeKind::complex)
      return Result<Value>(no_go("a value of type {} has no parts", go_type_text(object->type())));
    const uint64_t half = type->size().value_or(16) / 2;
    const Type* const part =
        is_untyped(object->type()) ? untyped("float") : named(half == 4 ? "float32" : "float64");
    return object->part(name == "real" ? 0 : half, part);
  }
  const bool is_map = object->type()->find_go_kind(GoKind::map) != nullptr;
  const bool is_channel = object->type()->find_go_kind(GoKind::channel) != nullptr;
  if (type->kind() == TypeKind::array) return number(type->count().value_or(0));
  if (type->go_kind() == GoKind::slice) return number(in(name));
  if (type->go_kind() == GoKind::string && name == "len") return number(in("len"));
  if ((is_map && name == "len") || is_channel) {
    const auto address = object->as_unsigned();
    if (!address) return Result<Value>(tl::unexpected(address.error()));
    if (*address == 0) return number(uint64_t{0});
    const auto inner = object->dereference();
    if (!inner) return inner;
    object = *inner;
    if (is_channel) return number(in(name == "len" ? "qcount" : "dataqsiz"));
    return number(in(object->has_member("used") ? "used" : "count"));
  }
  return Result<Value>(no_go("a value of type {} has no {}", go_type_text(object->type()), name));
}

// --- Types

const Type* GoRules::named(const std::string& name) const {
  // What is in the program knows its own language.
  const std::string plain = name == "byte" ? "uint8" : name == "rune" ? "int32" : name;
  if (const Type* const own = target_.types().go().find(target_, plain)) return own;
  return arithmetic_.by_name(plain);
}

Result<const Type*> GoRules::with_step(const Type* type, const TypeStep& step) {
  value::Types& types = target_.types();
  const std::string inner = go_type_text(type);
  std::string name;
  switch (step.kind) {
    case TypeStep::Kind::pointer:
      name = "*" + inner;
      break;
    case TypeStep::Kind::slice:
      name = "[]" + inner;
      break;
    case TypeStep::Kind::array:
      name = fmt::format("[{}]{}", step.count.value_or(0), inner);
      break;
    case TypeStep::Kind::channel:
      name = step.qualifier + inner;
      break;
    case TypeStep::Kind::map: {
      auto key = this->type(*step.parameters.front());
      if (!key) return key;
      name = fmt::format("map[{}]{}", go_type_text(*key), inner);
      break;
    }
    default:
      return no_go("Go has no such type");
  }
  if (const Type* const own = types.go().find(target_, name)) return own;
  if (step.kind == TypeStep::Kind::pointer) return types.pointer_to(type);
  if (step.kind == TypeStep::Kind::array) return types.array_of(type, step.count);
  return fail(ErrorCode::not_found, fmt::format("the program has no type {}", printable(name)));
}

Result<const Type*> GoRules::type(const TypeName& name) {
  Result<const Type*> found = environment_.type(name.name, name.tag);
  if (!found && found.error().code == ErrorCode::not_found) {
    if (const Type* const own = named(name.name == "any" ? "interface {}" : name.name)) found = own;
  }
  for (const TypeStep& step : name.steps) {
    if (found) found = with_step(*found, step);
  }
  return found;
}

}  // namespace clew::lang
