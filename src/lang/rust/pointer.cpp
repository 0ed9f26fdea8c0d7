#include "lang/rust/pointer.h"

#include <array>
#include <bit>

namespace clew::lang::rust {
namespace {

using value::Member;

/// Structures within structures: deeper than any program has.
constexpr int most_depth = 32;

/// The member that is all that takes space; nullptr when there is another, or none.
const Member* only_member(const Type* type) {
  const Member* only = nullptr;
  for (const Member& member : type->members()) {
    if (member.is_static || size_of(member.type) == 0U) continue;
    if (only != nullptr) return nullptr;
    only = &member;
  }
  return only;
}

std::optional<Pointer> wide_pointer(const Field& field) {
  const auto within = [&](std::string_view name) { return find_field(field, {name}); };
  if (const auto address = within("data_ptr"), length = within("length");
      address && length && address->type->is_pointer()) {
    return Pointer{Pointer::Kind::slice, *address, *length};
  }
  if (const auto address = within("pointer"), table = within("vtable");
      address && table && address->type->is_pointer()) {
    return Pointer{Pointer::Kind::dynamic, *address, *table};
  }
  return std::nullopt;
}

/// The type that the name of a function in a table is about: "core::ptr::drop_in_place<T>", "<T as
/// Trait>::method".
std::string subject_of(std::string_view function) {
  for (const std::string_view drop : {"drop_in_place::<", "drop_in_place<"}) {
    const size_t at = function.find(drop);
    const size_t end = function.rfind('>');
    if (at == std::string_view::npos || end == std::string_view::npos) continue;
    const size_t start = at + drop.size();
    if (start < end) return std::string(function.substr(start, end - start));
  }
  const size_t as = function.find(" as ");
  if (function.starts_with('<') && as != std::string_view::npos)
    return std::string(function.substr(1, as - 1));
  return {};
}

}  // namespace

std::optional<Pointer> find_pointer(const std::optional<Field>& field) {
  if (!field) return std::nullopt;
  Field at = *field;
  for (int depth = 0; depth < most_depth; ++depth) {
    if (at.type->is_pointer()) return Pointer{Pointer::Kind::thin, at, {}};
    if (!at.type->is_structure()) return std::nullopt;
    if (auto wide = wide_pointer(at)) return wide;
    const Member* const only = only_member(at.type->stripped());
    if (only == nullptr) return std::nullopt;
    at.offset += only->offset();
    at.type = only->type;
  }
  return std::nullopt;
}

std::optional<Pointer> find_pointer(const Type* type) { return find_pointer(Field{0, type}); }

std::optional<Field> find_payload(const std::optional<Field>& field, std::string_view alternative) {
  if (!field) return std::nullopt;
  for (const value::VariantPart& part : field->type->stripped()->variant_parts()) {
    for (const value::Variant& variant : part.variants) {
      if (variant.members.empty() || variant.members.front().name != alternative) continue;
      const Member& holder = variant.members.front();
      const auto members = holder.type->stripped()->members();
      if (members.empty()) return std::nullopt;
      return Field{field->offset + holder.offset() + members.front().offset(),
                   members.front().type};
    }
  }
  return std::nullopt;
}

Result<Dynamic> read_dynamic(Target& target, Addr table, const Type* near) {
  // What drops the value, its size, its alignment, and the methods.
  constexpr size_t most_functions = 8;
  const auto header = read_at<std::array<uint64_t, 3>>(target, table);
  if (!header) return tl::unexpected(header.error());
  Dynamic dynamic{(*header)[1], (*header)[2], nullptr};
  if (!std::has_single_bit(dynamic.alignment) || is_impossible(1, dynamic.size) ||
      dynamic.size % dynamic.alignment != 0) {
    return corrupt("its table says size {} and alignment {}", dynamic.size, dynamic.alignment);
  }
  for (size_t i = 0; i < most_functions; ++i) {
    const size_t slot = i == 0 ? 0 : 2 + i;
    const auto function = read_at<uint64_t>(target, table + slot * sizeof(uint64_t));
    if (!function) break;
    const auto name = target.name_of(Addr{*function});
    if (!name || !name->is_code || name->offset != 0) {
      if (i == 0) continue;
      break;
    }
    const std::string subject = subject_of(name->name);
    if (subject.empty()) continue;
    const auto type = target.find_type(subject, near);
    if (!type || size_of(*type) != dynamic.size) continue;
    dynamic.type = *type;
    break;
  }
  return dynamic;
}

}  // namespace clew::lang::rust
