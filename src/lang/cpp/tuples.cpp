// std::pair and std::tuple.

#include "lang/cpp/families.h"
#include "lang/cpp/tuple_elements.h"

namespace clew::lang::cpp {
namespace {

using value::Member;

/// More elements than any tuple has.
constexpr size_t most_elements = 1024;

/// What one base class of a tuple holds: a member of that name, or itself as a base when the
/// element's class is empty.
std::optional<Field> held_by(const Field& holder, std::string_view name) {
  const auto members = holder.type->stripped()->members();
  for (const Member& member : members) {
    if (!member.is_base && !member.is_static && member.name == name)
      return Field{holder.offset + member.offset(), member.type};
  }
  for (const Member& member : members) {
    if (member.is_base && !member.is_virtual)
      return Field{holder.offset + member.offset(), member.type};
  }
  return std::nullopt;
}

/// libstdc++: each _Tuple_impl derives from the next one and from the _Head_base of its element.
std::optional<std::vector<Field>> recursive_elements(const Type* tuple) {
  std::vector<Field> elements;
  Field node{0, tuple};
  while (elements.size() < most_elements) {
    std::optional<Field> next, head;
    for (const Member& member : node.type->stripped()->members()) {
      if (!member.is_base) continue;
      const Field base{node.offset + member.offset(), member.type};
      const auto name = member.type->stripped()->base_name();
      if (name == "_Tuple_impl") next = base;
      if (name == "_Head_base") head = base;
    }
    if (head) {
      const auto element = held_by(*head, "_M_head_impl");
      if (!element) return std::nullopt;
      elements.push_back(*element);
    }
    if (!next) return elements;
    node = *next;
  }
  return std::nullopt;
}

/// libc++: __base_ derives from a __tuple_leaf for each element.
std::optional<std::vector<Field>> flat_elements(const Field& base) {
  std::vector<Field> elements;
  for (const Member& member : base.type->stripped()->members()) {
    if (!member.is_base || member.type->stripped()->base_name() != "__tuple_leaf") continue;
    const auto element = held_by(Field{base.offset + member.offset(), member.type}, "__value_");
    if (!element || elements.size() >= most_elements) return std::nullopt;
    elements.push_back(*element);
  }
  return elements;
}

}  // namespace

std::optional<std::vector<Field>> tuple_elements(const Type* tuple) {
  const Type* const plain = tuple->stripped();
  const auto base = find_field(plain, {"__base_"});
  auto elements = base ? flat_elements(*base) : recursive_elements(plain);
  // The empty one has nothing in it; its arguments say less, since some versions of GCC leave them
  // out.
  if (elements && elements->empty() && !plain->members().empty()) return std::nullopt;
  return elements;
}

std::unique_ptr<Printer> make_pair(const Type* type, std::string_view) {
  const auto first = find_field(type, {"first"});
  const auto second = find_field(type, {"second"});
  if (!first || !second) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    return present_children(
        {}, Shape::fields,
        {{"first", std::nullopt, first->of(value)}, {"second", std::nullopt, second->of(value)}});
  });
}

std::unique_ptr<Printer> make_tuple(const Type* type, std::string_view name) {
  auto elements = tuple_elements(type);
  if (!elements) return nullptr;
  const std::string summary =
      elements->empty() ? "empty " + std::string(name) : std::string(name) + " containing";
  return make_printer(
      [summary, elements = std::move(*elements)](const Value& value) -> Result<Presentation> {
        std::vector<Child> children;
        for (size_t i = 0; i < elements.size(); ++i)
          children.push_back({fmt::format("[{}]", i), std::nullopt, elements[i].of(value)});
        return present_children(summary, Shape::fields, std::move(children));
      });
}

}  // namespace clew::lang::cpp
