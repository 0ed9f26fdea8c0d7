// Composite literals of Go: T{1, "a"}, [2]T{{1, "a"}, {2, "b"}}.

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "lang/evaluator.h"

namespace clew::lang {

using value::GoKind;
using value::Type;
using value::TypeKind;
using value::Value;

namespace {

constexpr int deepest_literal = 64;

bool is_plain_structure(const Type* type) {
  return type->stripped()->kind() == TypeKind::structure &&
         type->stripped()->go_kind() != GoKind::string &&
         type->stripped()->go_kind() != GoKind::slice &&
         type->find_go_kind(GoKind::map) == nullptr && !is_go_interface(type);
}

/// A field or an element: its type, and where it begins.
struct Part {
  const Type* type = nullptr;
  uint64_t offset = 0;
};

/// @return nullopt when there are not so many.
std::optional<Part> part_of(const Type* type, uint64_t number) {
  const Type* const plain = type->stripped();
  if (plain->kind() == TypeKind::array) {
    if (number >= plain->count().value_or(0)) return std::nullopt;
    const Type* const element = plain->target();
    const uint64_t size = element->stripped()->size().value_or(0);
    return Part{element, number * size};
  }
  if (number >= plain->members().size()) return std::nullopt;
  const value::Member& member = plain->members()[number];
  return Part{member.type, member.offset()};
}

uint64_t part_count(const Type* type) {
  const Type* const plain = type->stripped();
  return plain->kind() == TypeKind::array ? plain->count().value_or(0) : plain->members().size();
}

/// What a variable of its type holds that nothing was assigned to.
Result<bool> is_zero(const Value& value, int depth) {
  if (depth > deepest_literal) return no_go("too many structures within one another");
  const Type* const type = value.type()->stripped();
  if (is_go_string(value.type())) {
    const auto text = go_text(value);
    return text ? Result<bool>(text->empty()) : tl::unexpected(text.error());
  }
  if (type->kind() == TypeKind::floating) {
    const auto number = value.as_floating();
    return number ? Result<bool>(*number == 0) : tl::unexpected(number.error());
  }
  if (is_plain_structure(type) || type->kind() == TypeKind::array) {
    for (uint64_t i = 0; i < part_count(type); ++i) {
      const Part part = *part_of(type, i);
      const auto is_part_zero = is_zero(value.part(part.offset, part.type), depth + 1);
      if (!is_part_zero || !*is_part_zero) return is_part_zero;
    }
    return true;
  }
  const auto bytes = value.bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  return std::all_of(bytes->begin(), bytes->end(), [](std::byte b) { return b == std::byte{}; });
}

}  // namespace

// --- Their parts

Result<GoRules::Literal> Evaluator::go_literal(const Node& node, const Type* expected) {
  GoRules::Literal literal;
  literal.type = expected;
  if (node.type != nullptr) {
    const auto own = type(*node.type);
    if (!own) return tl::unexpected(own.error());
    if (expected != nullptr && !value::is_same(*own, expected))
      return no_go("a {} is no {}", go_type_text(*own), go_type_text(expected));
    literal.type = *own;
  }
  const std::string name = go_type_text(literal.type);
  const bool is_array = literal.type->stripped()->kind() == TypeKind::array;
  if (!is_array && !is_plain_structure(literal.type)) {
    return no_go(
        "clew makes structures and arrays of what stands in braces; a {} would need memory of the "
        "program's",
        name);
  }
  size_t keyed = 0;
  uint64_t number = 0;
  for (const NodePtr& part : node.parts) {
    const Node* given = part.get();
    if (given->kind == NodeKind::keyed) {
      ++keyed;
      const auto found = go_literal_key(*given->parts[0], literal.type);
      if (!found) return tl::unexpected(found.error());
      number = *found;
      given = given->parts[1].get();
    }
    const auto place = part_of(literal.type, number);
    if (!place) return no_go("there are too many values for a {}", name);
    auto one = go_literal_part(*given, place->type);
    if (!one) return one;
    if (!literal.parts.emplace(number, std::move(*one)).second)
      return no_go("a part of the {} is given twice", name);
    ++number;
  }
  if (is_array || node.parts.empty()) return literal;
  if (keyed != 0 && keyed != node.parts.size())
    return no_go("either all fields of a {} are named or none is", name);
  if (keyed == 0 && number < part_count(literal.type))
    return no_go("there are too few values for a {}: name the fields, as in x: 1", name);
  return literal;
}

/// The number of a field that is named, or of an element by its index.
Result<uint64_t> Evaluator::go_literal_key(const Node& key, const Type* type) {
  const Type* const plain = type->stripped();
  if (plain->kind() == TypeKind::array) {
    const auto index = evaluate(key);
    if (!index) return tl::unexpected(index.error());
    const auto number = go_.number_of(*index);
    if (!number) return tl::unexpected(number.error());
    if (*number < 0) return no_go("an index is not negative");
    return static_cast<uint64_t>(*number);
  }
  const auto found =
      std::find_if(plain->members().begin(), plain->members().end(),
                   [&](const value::Member& member) { return member.name == key.text; });
  if (key.kind != NodeKind::name || found == plain->members().end())
    return no_go("a {} has no field {}", go_type_text(type), printable(key.text));
  return static_cast<uint64_t>(found - plain->members().begin());
}

Result<GoRules::Literal> Evaluator::go_literal_part(const Node& node, const Type* type) {
  if (node.kind == NodeKind::composite) {
    // Within an interface it has to say what it is.
    return go_literal(node, is_go_interface(type) ? nullptr : type);
  }
  const auto given = evaluate(node);
  if (!given) return tl::unexpected(given.error());
  GoRules::Literal literal;
  literal.type = type;
  if (is_go_interface(type) || (is_untyped(given->type()) && is_go_string(given->type()))) {
    literal.value = go_.with_type(*given);
    return literal;
  }
  auto fitting = go_.assignable(*given, type);
  if (!fitting) return tl::unexpected(fitting.error());
  literal.value = std::move(*fitting);
  return literal;
}

// --- What they are to values

Result<bool> GoRules::equal(const Value& operand, const Literal& literal, int depth) {
  if (depth > deepest_literal) return no_go("too many structures within one another");
  if (literal.value) {
    Value left = operand;
    Value right = *literal.value;
    if (auto matched = match(Op::equal, left, right); !matched)
      return tl::unexpected(matched.error());
    return equal(left, right, depth);
  }
  if (is_go_interface(operand.type())) {
    const auto held = dynamic(operand);
    if (!held) return tl::unexpected(held.error());
    if (!*held || !value::is_same((*held)->type(), literal.type)) return false;
    return equal(**held, literal, depth + 1);
  }
  if (!value::is_same(operand.type(), literal.type)) {
    return no_go("{} and {} cannot be compared", go_type_text(operand.type()),
                 go_type_text(literal.type));
  }
  for (uint64_t i = 0; i < part_count(literal.type); ++i) {
    const Part part = *part_of(literal.type, i);
    const Value own = operand.part(part.offset, part.type);
    const auto given = literal.parts.find(i);
    const auto same = given == literal.parts.end() ? is_zero(own, depth + 1)
                                                   : equal(own, given->second, depth + 1);
    if (!same || !*same) return same;
  }
  return true;
}

Result<Value> GoRules::value_of(const Literal& literal) {
  if (literal.value) return assignable(*literal.value, literal.type);
  std::vector<std::byte> bytes(literal.type->stripped()->size().value_or(0));
  for (const auto& [number, part] : literal.parts) {
    const Part place = *part_of(literal.type, number);
    const auto value =
        is_go_interface(place.type) ? no_go("clew puts nothing into interfaces") : value_of(part);
    if (!value) return value;
    const auto own = value->bytes();
    if (!own) return tl::unexpected(own.error());
    if (place.offset + own->size() > bytes.size())
      return fail(ErrorCode::bad_data, "a field lies outside of its structure");
    std::copy(own->begin(), own->end(), bytes.begin() + static_cast<ptrdiff_t>(place.offset));
  }
  return Value::of_bytes(target_, literal.type, std::move(bytes));
}

}  // namespace clew::lang
