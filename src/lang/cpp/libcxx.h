#pragma once

#include "lang/field.h"

namespace clew::lang::cpp {

/// The first part of libc++'s __compressed_pair, or the member itself in versions that keep the two
/// apart: `find_first_of_pair(type, {"__tree_", "__pair3_"})`. Older ones call the part __first_.
inline std::optional<Field> find_first_of_pair(const std::optional<Field>& pair) {
  if (auto field = find_field(pair, {"__value_"})) return field;
  if (auto field = find_field(pair, {"__first_"})) return field;
  return pair;
}
inline std::optional<Field> find_first_of_pair(const value::Type* type, Path path) {
  return find_first_of_pair(find_field(type, path));
}

}  // namespace clew::lang::cpp
