#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "value/target.h"
#include "value/type.h"

namespace clew::value {

class Place;

/// An object of the target, or a number that was computed: a type, and where the bytes are. Cheap
/// to copy. Memory is read when the bytes are asked for, and only the part that is asked for.
///
/// A value can be *absent*: it exists in the program but not here and now (optimised out, in a
/// register that was not saved). Then whatever needs its bytes is an error `unavailable` with the
/// reason, and so it is for a member whose part is missing. Whatever reads memory can give `fault`.
/// None of these calls crashes, hangs or reads without bounds, whatever the target's memory holds.
class Value {
 public:
  /// How many bytes one read may ask for; more is bad_request.
  static constexpr uint64_t most_bytes = uint64_t{64} << 20;

  /// Of type void.
  explicit Value(Target& target);
  static Value in_memory(Target& target, const Type* type, Addr address);
  /// A computed value, which lies nowhere.
  static Value of_bytes(Target& target, const Type* type, std::vector<std::byte> bytes);
  /// A computed number of an integral, pointer or floating type.
  static Value of_number(Target& target, const Type* type, uint64_t number);
  static Value of_floating(Target& target, const Type* type, long double number);
  static Value absent(Target& target, const Type* type, std::string reason);
  static Value at_place(Target& target, const Type* type, std::shared_ptr<const Place> place);

  Target& target() const { return *target_; }
  /// As declared, with aliases and qualifiers.
  const Type* type() const { return type_; }

  bool is_absent() const;
  /// Why it is absent; empty otherwise.
  std::string absence() const;
  /// nullopt when it is not in memory, or is a bit-field.
  std::optional<Addr> address() const;
  bool is_bit_field() const { return bit_size_ != 0; }
  /// In bytes; 0 for what has no size.
  uint64_t size() const;
  /// Where it is, in words: "in memory at 0x7ffe…", "in register rax", "a constant".
  std::string where() const;

  // Its bytes.
  Status read(uint64_t offset, MutableBytes into) const;
  Result<std::vector<std::byte>> bytes() const;
  /// Plain data at an offset: `read<uint64_t>(16)`.
  template <typename T>
  Result<T> read(uint64_t offset = 0) const {
    T object{};
    if (auto status = read(offset, bytes_of(object)); !status)
      return tl::unexpected(status.error());
    return object;
  }

  // What it is as a number. bad_request when its type is none.
  /// Integers, enumerations, characters, booleans and pointers, widened by their sign.
  Result<uint64_t> as_unsigned() const;
  Result<int64_t> as_signed() const;
  Result<Addr> as_address() const;
  /// Every number, whole ones too.
  Result<long double> as_floating() const;
  /// False for zero, null and false.
  Result<bool> as_condition() const;

  // What is in it and what it leads to.
  /// A member by name: its own, those of anonymous structs and unions, of base classes, static
  /// ones. A reference is followed. @return not_found.
  Result<Value> member(std::string_view name) const;
  /// Several steps at once: `member_path({"_M_impl", "_M_start"})`.
  Result<Value> member_path(std::initializer_list<std::string_view> names) const;
  /// One of type()->stripped()->members() or of a Variant.
  Result<Value> member(const Member& member) const;
  bool has_member(std::string_view name) const;
  /// What a pointer points to, or a reference refers to. bad_request for void*; no memory is read
  /// but the pointer's own.
  Result<Value> dereference() const;
  /// What a pointer points to, as a type of the caller's choice: a node of a list.
  Result<Value> dereference_as(const Type* type) const;
  /// Of an array, or what is so many elements behind a pointer's target. Not checked against the
  /// array's end.
  Result<Value> element(int64_t index) const;
  /// References followed, as often as there are.
  Result<Value> referred() const;
  /// The variant that a variant part has now. @return not_found when the discriminant chooses none.
  struct ActiveVariant {
    const Variant* variant = nullptr;
    std::optional<uint64_t> discriminant;
  };
  Result<ActiveVariant> active_variant(const VariantPart& part) const;

  // The same bytes in another light.
  /// As another type, from the same place on.
  Value as(const Type* type) const;
  /// A part of it: `size` is that of the type.
  Value part(uint64_t offset, const Type* type) const;
  /// What lies at an address, whatever this value is.
  Value at(Addr address, const Type* type) const { return in_memory(*target_, type, address); }
  /// A pointer to it. @return bad_request when it is not in memory.
  Result<Value> pointer() const;
  /// With its bytes read, so that it stays what it is now; still where it was, for assignments.
  /// Arrays and structures above `limit` bytes stay as they are.
  Value fetched(uint64_t limit = 1 << 16) const;

  /// Writes bytes, as many as its size: memory, registers, pieces. @return bad_request for what
  /// lies nowhere.
  Status write(Bytes bytes) const;

  const Place& place() const { return *place_; }
  uint64_t bit_offset() const { return bit_offset_; }
  uint64_t bit_size() const { return bit_size_; }

 private:
  Value(Target& target, const Type* type, std::shared_ptr<const Place> place)
      : target_(&target), type_(type), place_(std::move(place)) {}
  Result<uint64_t> bit_field() const;
  Status write_bit_field(uint64_t number) const;
  Result<Value> virtual_base(const Member& member) const;

  Target* target_;
  const Type* type_;
  std::shared_ptr<const Place> place_;
  uint64_t offset_ = 0;      // into the place
  uint64_t bit_offset_ = 0;  // of a bit-field: from `offset_` on
  uint64_t bit_size_ = 0;
};

}  // namespace clew::value
