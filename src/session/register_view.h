#pragma once

#include <optional>
#include <string_view>

#include "arch/arch.h"
#include "value/types.h"

namespace clew {

/// A part of a register that has a name of its own: $eax, $al.
struct RegisterPart {
  const arch::RegisterInfo* whole = nullptr;
  uint64_t offset = 0, size = 0;  ///< in bytes, least significant first
};

/// By its name, with '$' before it. @return nullopt when there is none.
std::optional<RegisterPart> find_register_part(const arch::Arch& arch, std::string_view name);

/// The type that users see a register as: numbers, pointers, and for a vector register a union of
/// its lanes ($xmm0.v4_float[0]), under the names that gdb has for them.
const value::Type* register_type(value::Types& types, const arch::Arch& arch,
                                 const arch::RegisterInfo& info);

}  // namespace clew
