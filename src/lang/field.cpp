#include "lang/field.h"

#include <dwarf.h>

#include <algorithm>
#include <bit>

#include "value/dwarf_read.h"

namespace clew::lang {
namespace {

using value::Member;
using value::Type;
using value::TypeKind;

/// Structures within structures: deeper than any program has.
constexpr int deepest_structure = 32;

constexpr uint64_t largest_alignment = uint64_t{1} << 28;

/// The largest power of two that divides a number.
uint64_t factor_of(uint64_t number) { return number == 0 ? largest_alignment : number & -number; }

uint64_t declared_alignment(const Type* type) {
  if (type->module() == nullptr || type->die().addr == nullptr) return 0;
  const auto lock = type->module()->lock();
  const auto alignment = value::constant_attribute(type->die(), DW_AT_alignment);
  if (!alignment || !std::has_single_bit(static_cast<uint64_t>(*alignment))) return 0;
  return std::min(static_cast<uint64_t>(*alignment), largest_alignment);
}

/// `budget` bounds the number of types that are looked at: members can be shared, so that depth
/// alone does not.
uint64_t alignment_within(const Type* type, int depth, int& budget) {
  if (depth > deepest_structure || --budget < 0) return 1;
  if (const uint64_t declared = declared_alignment(type); declared != 0) return declared;
  type = type->stripped();
  if (const uint64_t declared = declared_alignment(type); declared != 0) return declared;
  const uint64_t size = size_of(type).value_or(0);
  switch (type->kind()) {
    case TypeKind::array:
      return alignment_within(type->target(), depth + 1, budget);
    case TypeKind::complex:
      return std::clamp<uint64_t>(factor_of(size / 2), 1, 16);
    case TypeKind::structure:
    case TypeKind::union_type:
      break;
    default:
      return size == 0 ? 1 : std::min<uint64_t>(factor_of(size), 16);
  }
  uint64_t alignment = 1;
  uint64_t fits = factor_of(size);
  for (const Member& member : type->members()) {
    if (member.is_static || member.is_virtual || member.is_bit_field()) continue;
    const uint64_t inner = alignment_within(member.type, depth + 1, budget);
    // A packed structure has its members where they are not aligned.
    fits = std::min(fits, std::max<uint64_t>(factor_of(member.offset()), 1));
    alignment = std::max(alignment, inner);
    if (member.offset() % inner != 0) alignment = std::min(alignment, fits);
  }
  return std::min(alignment, factor_of(size));
}

}  // namespace

std::optional<Field> find_field(const Type* type, Path path) {
  return find_field(Field{0, type}, path);
}

std::optional<Field> find_any_field(const Type* type, std::initializer_list<Path> paths) {
  for (const Path path : paths) {
    if (auto field = find_field(type, path)) return field;
  }
  return std::nullopt;
}

std::optional<Field> find_field(const std::optional<Field>& outer, Path path) {
  if (!outer) return std::nullopt;
  Field field = *outer;
  for (const std::string_view name : path) {
    const auto steps = field.type->stripped()->find_member(name);
    if (steps.empty()) return std::nullopt;
    for (const Member* step : steps) {
      if (step->is_static || step->is_virtual || step->is_bit_field()) return std::nullopt;
      field.offset += step->offset();
      field.type = step->type;
    }
  }
  return field;
}

std::optional<Field> find_only_scalar(const Type* type) {
  Field field{0, type};
  for (int depth = 0; depth < deepest_structure; ++depth) {
    if (field.type->is_scalar()) return field;
    if (!field.type->is_structure()) return std::nullopt;
    const Member* only = nullptr;
    for (const Member& member : field.type->stripped()->members()) {
      if (member.is_static || size_of(member.type) == 0U) continue;
      if (only != nullptr || member.is_bit_field()) return std::nullopt;
      only = &member;
    }
    if (only == nullptr) return std::nullopt;
    field.offset += only->offset();
    field.type = only->type;
  }
  return std::nullopt;
}

std::optional<uint64_t> size_of(const Type* type) {
  const auto size = type->size();
  return size ? size : type->stripped()->size();
}

uint64_t alignment_of(const Type* type) {
  int budget = 10'000;
  return alignment_within(type, 0, budget);
}

}  // namespace clew::lang
