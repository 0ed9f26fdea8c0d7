#include "value/dynamic_type.h"

#include "value/dwarf_read.h"

namespace clew::value {
namespace {

/// Bases within bases: deeper than any program has.
constexpr int most_bases = 32;

/// Where the pointer to the virtual table is in an object of a class.
std::optional<uint64_t> vtable_pointer_offset(const Type* type, int depth = 0) {
  if (depth > most_bases) return std::nullopt;
  const Type* const plain = type->stripped();
  if (plain->kind() != TypeKind::structure) return std::nullopt;
  for (const Member& member : plain->members()) {
    if (member.is_artificial && !member.is_base && member.name.starts_with("_vptr"))
      return member.offset();
  }
  for (const Member& member : plain->members()) {
    if (!member.is_base || member.is_virtual) continue;
    if (const auto inner = vtable_pointer_offset(member.type, depth + 1))
      return member.offset() + *inner;
  }
  return std::nullopt;
}

constexpr std::string_view vtable_name = "vtable for ";

}  // namespace

std::optional<Value> dynamic_object(const Value& value) {
  const auto object = value.referred();
  if (!object) return std::nullopt;
  const auto address = object->address();
  const Type* const type = object->type()->stripped();
  if (!address || type->kind() != TypeKind::structure) return std::nullopt;
  const auto offset = vtable_pointer_offset(type);
  if (!offset) return std::nullopt;
  const auto table = object->read<uint64_t>(*offset);
  if (!table) return std::nullopt;
  Target& target = value.target();
  const auto name = target.name_of(Addr{*table});
  if (!name || !name->name.starts_with(vtable_name)) return std::nullopt;
  // Two words before its address point stand the distance to the top of the object, and its type.
  const auto to_top = target.memory().read<int64_t>(Addr{*table} - 16);
  constexpr int64_t largest_object = int64_t{1} << 32;
  if (!to_top || *to_top > 0 || *to_top < -largest_object) return std::nullopt;
  const auto real = target.find_type(std::string_view(name->name).substr(vtable_name.size()), type);
  if (!real || is_same(*real, type) || !(*real)->is_structure()) return std::nullopt;
  return Value::in_memory(target, *real, *address + *offset + static_cast<uint64_t>(*to_top));
}

std::optional<Value> dynamic_pointer(const Value& pointer) {
  const Type* const type = pointer.type()->stripped();
  if (type->kind() != TypeKind::pointer || !type->target()->is_structure() ||
      !vtable_pointer_offset(type->target())) {
    return std::nullopt;
  }
  const auto pointed = pointer.dereference();
  if (!pointed) return std::nullopt;
  const auto object = dynamic_object(*pointed);
  if (!object || !object->address()) return std::nullopt;
  return Value::of_number(pointer.target(), type->owner().pointer_to(object->type()),
                          object->address()->value);
}

std::optional<Addr> dynamic_type_info(const Value& value) {
  const auto object = value.referred();
  if (!object || !object->address()) return std::nullopt;
  const auto offset = vtable_pointer_offset(object->type()->stripped());
  if (!offset) return std::nullopt;
  const auto table = object->read<uint64_t>(*offset);
  if (!table) return std::nullopt;
  const auto info = value.target().memory().read<uint64_t>(Addr{*table} - 8);
  return info && *info != 0 ? std::optional(Addr{*info}) : std::nullopt;
}

}  // namespace clew::value
