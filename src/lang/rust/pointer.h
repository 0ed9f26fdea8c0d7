#pragma once

#include "lang/present.h"

namespace clew::lang::rust {

/// A pointer of Rust, with what it needs beside the address when its target has no fixed size.
struct Pointer {
  enum class Kind : uint8_t { thin, slice, dynamic };
  Kind kind = Kind::thin;
  Field address;
  Field beside;  ///< the length, or the table of methods; unset for a thin one

  const Type* target() const { return address.type->stripped()->target(); }
};

/// The pointer that a type is or wraps: Unique<NonNull<*const T>>. @return nullopt.
std::optional<Pointer> find_pointer(const Type* type);
std::optional<Pointer> find_pointer(const std::optional<Field>& field);

/// What an enum has in one of its alternatives: the "Some" of an Option. Its first member.
std::optional<Field> find_payload(const std::optional<Field>& field, std::string_view alternative);

/// What a table of methods (rustc's "vtable") says of a type: its size and alignment, and the type
/// itself, when the names of the functions in it tell which it is.
struct Dynamic {
  uint64_t size = 0, alignment = 1;
  const Type* type = nullptr;
};
Result<Dynamic> read_dynamic(Target& target, Addr table, const Type* near);

}  // namespace clew::lang::rust
