#include "session/register_view.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "value/made_types.h"

namespace clew {
namespace {

using value::Type;
using value::TypeKind;
using value::Types;

/// rax, rbx, rcx, rdx: the only ones whose second byte has a name.
constexpr std::string_view lettered = "abcd";

std::optional<RegisterPart> of(const arch::Arch& arch, const std::string& whole, uint64_t offset,
                               uint64_t size) {
  const arch::RegisterInfo* const info = arch.find(whole);
  if (info == nullptr || info->size != sizeof(uint64_t)) return std::nullopt;
  return RegisterPart{info, offset, size};
}

const Type* integer(Types& types, uint64_t size, bool is_signed) {
  return types.base(fmt::format("{}int{}_t", is_signed ? "" : "u", size * 8), TypeKind::integer,
                    size, is_signed);
}

const Type* vector_type(Types& types, uint64_t size) {
  std::vector<value::MadeMember> lanes;
  const auto add = [&](std::string_view name, const Type* lane) {
    const uint64_t count = size / *lane->size();
    lanes.push_back(
        {fmt::format("v{}_{}", count, name), types.array_of(lane, count, 0, /*is_vector=*/true)});
  };
  add("float", types.base("float", TypeKind::floating, 4, true));
  add("double", types.base("double", TypeKind::floating, 8, true));
  for (const uint64_t width : {1, 2, 4, 8})
    add(fmt::format("int{}", width * 8), integer(types, width, true));
  const Type* const whole = types.base("unsigned __int128", TypeKind::integer, 16, false);
  if (size == 16) {
    lanes.push_back({"uint128", whole});
  } else {
    add("int128", whole);
  }
  const std::string name = fmt::format("vec{}", size * 8);
  return value::made_type(types, TypeKind::union_type, name, name, lanes);
}

}  // namespace

std::optional<RegisterPart> find_register_part(const arch::Arch& arch, std::string_view name) {
  if (!name.starts_with('$')) return std::nullopt;
  const std::string text(name.substr(1));
  if (text.size() < 2) return std::nullopt;
  if (text.size() == 3 && text.front() == 'e') return of(arch, "r" + text.substr(1), 0, 4);
  const std::string letter = text.substr(0, 1);
  if (text.size() == 2 && lettered.find(letter) != lettered.npos) {
    if (text[1] == 'l') return of(arch, "r" + letter + "x", 0, 1);
    if (text[1] == 'h') return of(arch, "r" + letter + "x", 1, 1);
  }
  if (text.size() == 2) return of(arch, "r" + text, 0, 2);  // ax, si, bp
  if (text.size() == 3 && text[2] == 'l') {
    if (auto part = of(arch, "r" + text.substr(0, 2), 0, 1)) return part;  // sil, bpl
  }
  // r8d, r10w, r8l and r8b.
  if (text.front() != 'r') return std::nullopt;
  const std::string whole = text.substr(0, text.size() - 1);
  switch (text.back()) {
    case 'd':
      return of(arch, whole, 0, 4);
    case 'w':
      return of(arch, whole, 0, 2);
    case 'b':
    case 'l':
      return of(arch, whole, 0, 1);
    default:
      return std::nullopt;
  }
}

const Type* register_type(Types& types, const arch::Arch& arch, const arch::RegisterInfo& info) {
  if (info.block == arch::RegisterBlock::general) {
    if (info.offset == arch.pc) return types.pointer_to(types.function(types.nothing(), {}, false));
    if (info.offset == arch.sp || info.offset == arch.fp) return types.pointer_to(types.nothing());
  }
  if (info.kind == arch::RegisterKind::float80)
    return types.base("long double", TypeKind::floating, 16, true);
  if (info.size > 8) return vector_type(types, info.size);
  switch (info.size) {
    case 1:
      return types.base("signed char", TypeKind::integer, 1, true);
    case 2:
      return types.base("short", TypeKind::integer, 2, true);
    case 4:
      return types.base("int", TypeKind::integer, 4, true);
    default:
      return types.base("long", TypeKind::integer, 8, true);
  }
}

}  // namespace clew
