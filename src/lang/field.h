#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace clew::lang {

/// A part of an object at a place that its type fixes: looked up once for a type, read from each
/// object of it.
struct Field {
  uint64_t offset = 0;  ///< from the object's start, in bytes
  const value::Type* type = nullptr;

  value::Value of(const value::Value& object) const { return object.part(offset, type); }
  /// Integers, booleans, enumerations and pointers; see Value::as_unsigned().
  Result<uint64_t> number(const value::Value& object) const { return of(object).as_unsigned(); }
  /// Of what is in memory, also when its bytes cannot be read.
  std::optional<Addr> address(const value::Value& object) const { return of(object).address(); }
};

/// Names of members, each within the one before.
using Path = std::initializer_list<std::string_view>;

/// A member by its names; base classes are looked through at each step. @return nullopt when there
/// is none, or its place is not fixed: static members, bit-fields, members of virtual bases.
std::optional<Field> find_field(const value::Type* type, Path path);

/// The first of several that there is: versions of a library name the same thing differently.
std::optional<Field> find_any_field(const value::Type* type, std::initializer_list<Path> paths);

/// A member from here on: the field that is found in `outer`'s type, from the whole object's start.
std::optional<Field> find_field(const std::optional<Field>& outer, Path path);

/// The number or pointer that is all that a structure has, however often it is wrapped (Rust's
/// Unique<NonNull<*const T>>). @return nullopt when there is another part that takes space.
std::optional<Field> find_only_scalar(const value::Type* type);

/// @return the size, of the definition where there is only a declaration; nullopt when unknown.
std::optional<uint64_t> size_of(const value::Type* type);

/// The alignment as the x86-64 and AArch64 ABIs have it, in bytes, from the type's members;
/// DW_AT_alignment (DWARF 5, 2.24) where it was asked for. At least 1.
uint64_t alignment_of(const value::Type* type);

/// The next multiple; `alignment` is a power of two.
constexpr uint64_t align_up(uint64_t offset, uint64_t alignment) {
  return (offset + alignment - 1) & ~(alignment - 1);
}

}  // namespace clew::lang
