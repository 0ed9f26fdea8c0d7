#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/types.h"

namespace clew::value {

// Types that no debug information describes, made once for each process.

struct MadeMember {
  std::string name;
  const Type* type = nullptr;
  uint64_t offset = 0;
};
/// A structure, or with `kind` union_type a union, made once for each `key`. It is as large as its
/// members ask for.
const Type* made_type(Types& types, TypeKind kind, std::string_view key, std::string_view name,
                      const std::vector<MadeMember>& members);
/// A pointer to a member of a class that is of the type `target`: C++'s int Class::*.
const Type* member_pointer_to(Types& types, const Type* containing, const Type* target);

}  // namespace clew::value
