#include "value/value.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "value/number.h"
#include "value/place.h"
#include "value/virtual_base.h"

namespace clew::value {
namespace {

/// References to references: a broken program, not one that ends soon.
constexpr int most_references = 16;

tl::unexpected<Error> not_a(std::string_view what, const Type* type) {
  return fail(ErrorCode::bad_request,
              fmt::format("a value of type {} is {}",
                          type->name().empty() ? "without a name" : type->name(), what));
}

}  // namespace

Value::Value(Target& target)
    : target_(&target), type_(target.types().nothing()), place_(Place::computed({})) {}

Value Value::in_memory(Target& target, const Type* type, Addr address) {
  return {target, type, Place::memory(address)};
}

Value Value::of_bytes(Target& target, const Type* type, std::vector<std::byte> bytes) {
  return {target, type, Place::computed(std::move(bytes))};
}

Value Value::of_number(Target& target, const Type* type, uint64_t number) {
  return of_bytes(target, type, integer_bytes(type, number));
}

Value Value::of_floating(Target& target, const Type* type, long double number) {
  return of_bytes(target, type, floating_bytes(type, number));
}

Value Value::absent(Target& target, const Type* type, std::string reason) {
  return {target, type, Place::absent(std::move(reason))};
}

Value Value::at_place(Target& target, const Type* type, std::shared_ptr<const Place> place) {
  return {target, type, std::move(place)};
}

bool Value::is_absent() const { return place_->kind() == Place::Kind::absent; }

std::string Value::absence() const { return is_absent() ? place_->reason() : std::string(); }

std::optional<Addr> Value::address() const {
  if (place_->kind() != Place::Kind::memory || is_bit_field()) return std::nullopt;
  return place_->address() + offset_;
}

uint64_t Value::size() const {
  const auto size = type_->size();
  return size ? *size : type_->stripped()->size().value_or(0);
}

std::string Value::where() const {
  switch (place_->kind()) {
    case Place::Kind::memory:
      return fmt::format("in memory at {:#x}", (place_->address() + offset_).value);
    case Place::Kind::computed:
      return "a computed value";
    case Place::Kind::implicit_pointer:
      return "an optimised out pointer";
    case Place::Kind::absent:
      return place_->reason();
    case Place::Kind::pieces:
      break;
  }
  std::string text;
  for (const Place::Piece& piece : place_->pieces()) {
    text += text.empty() ? "in " : ", ";
    text += piece.missing.empty() ? piece.where : "missing: " + piece.missing;
  }
  return text;
}

Status Value::read(uint64_t offset, MutableBytes into) const {
  if (into.empty()) return {};
  if (into.size() > most_bytes) {
    return fail(ErrorCode::bad_request, fmt::format("{} bytes are too many to be read at once: ask "
                                                    "for a part of it",
                                                    into.size()));
  }
  if (is_bit_field()) {
    const auto number = bit_field();
    if (!number) return tl::unexpected(number.error());
    const auto bytes = integer_bytes(type_, *number);
    if (offset > bytes.size() || into.size() > bytes.size() - offset)
      return fail(ErrorCode::bad_request, "a bit-field has fewer bytes than that");
    std::memcpy(into.data(), bytes.data() + offset, into.size());
    return {};
  }
  const uint64_t start = offset_ + offset;
  if (place_->kind() != Place::Kind::memory) return place_->read(start, into);
  const auto& known = place_->bytes();
  if (start <= known.size() && into.size() <= known.size() - start) {
    std::memcpy(into.data(), known.data() + start, into.size());
    return {};
  }
  const Addr address = place_->address() + start;
  auto status = target_->memory().read_exactly(address, into);
  if (status || status.error().code != ErrorCode::fault) return status;
  return fail(ErrorCode::fault, fmt::format("cannot read memory at {:#x}", address.value));
}

Result<std::vector<std::byte>> Value::bytes() const {
  const uint64_t count = size();
  if (count > most_bytes) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("{} bytes are too many to be read at once: ask for a part of it", count));
  }
  std::vector<std::byte> bytes(count);
  if (auto status = read(0, bytes); !status) return tl::unexpected(status.error());
  return bytes;
}

Result<uint64_t> Value::bit_field() const {
  if (bit_size_ > 64) return fail(ErrorCode::unsupported, "a bit-field of more than 64 bits");
  // Nine bytes hold 64 bits that begin anywhere in a byte.
  std::array<std::byte, 9> window{};
  const uint64_t first = bit_offset_ / 8;
  const uint64_t shift = bit_offset_ % 8;
  const size_t count = static_cast<size_t>((shift + bit_size_ + 7) / 8);
  Value whole = *this;
  whole.bit_size_ = 0;
  if (auto status = whole.read(first, std::span(window).first(count)); !status)
    return tl::unexpected(status.error());
  uint64_t low = 0;
  std::memcpy(&low, window.data(), sizeof low);
  uint64_t number = low >> shift;
  if (shift != 0) number |= static_cast<uint64_t>(window[8]) << (64 - shift);
  return extend(number, static_cast<unsigned>(bit_size_), type_->stripped()->is_signed());
}

Result<uint64_t> Value::as_unsigned() const {
  const Type* const type = type_->stripped();
  switch (type->kind()) {
    case TypeKind::boolean:
    case TypeKind::character:
    case TypeKind::integer:
    case TypeKind::enumeration:
    case TypeKind::pointer:
    case TypeKind::reference:
    case TypeKind::member_pointer:
      break;
    case TypeKind::array:
    case TypeKind::function: {
      const auto at = address();
      if (at) return at->value;
      return not_a("not in memory", type_);
    }
    case TypeKind::floating: {
      const auto number = as_floating();
      if (!number) return tl::unexpected(number.error());
      return integer_of(*number);
    }
    default:
      return not_a("no number", type_);
  }
  if (is_bit_field()) return bit_field();
  const uint64_t count = size();
  std::array<std::byte, 16> bytes{};
  if (count == 0 || count > bytes.size()) return not_a("no number", type_);
  if (auto status = read(0, std::span(bytes).first(count)); !status)
    return tl::unexpected(status.error());
  uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return count >= sizeof number
             ? number
             : extend(number, static_cast<unsigned>(count * 8), type->is_signed());
}

Result<int64_t> Value::as_signed() const {
  const auto number = as_unsigned();
  if (!number) return tl::unexpected(number.error());
  return static_cast<int64_t>(*number);
}

Result<Addr> Value::as_address() const {
  const auto number = as_unsigned();
  if (!number) return tl::unexpected(number.error());
  return Addr{*number};
}

Result<long double> Value::as_floating() const {
  const Type* const type = type_->stripped();
  if (type->kind() == TypeKind::floating) {
    const auto read = bytes();
    if (!read) return tl::unexpected(read.error());
    return floating_of(type, *read);
  }
  const auto number = as_unsigned();
  if (!number) return tl::unexpected(number.error());
  return type->is_signed() ? static_cast<long double>(static_cast<int64_t>(*number))
                           : static_cast<long double>(*number);
}

Result<bool> Value::as_condition() const {
  if (type_->stripped()->kind() == TypeKind::floating) {
    const auto number = as_floating();
    if (!number) return tl::unexpected(number.error());
    return *number != 0;
  }
  const auto number = as_unsigned();
  if (!number) return tl::unexpected(number.error());
  return *number != 0;
}

Result<Value> Value::referred() const {
  Value value = *this;
  for (int i = 0; i < most_references; ++i) {
    if (value.type_->stripped()->kind() != TypeKind::reference) return value;
    auto next = value.dereference();
    if (!next) return next;
    value = std::move(*next);
  }
  return fail(ErrorCode::bad_data, "a reference that refers to references without end");
}

Result<Value> Value::member(std::string_view name) const {
  auto object = referred();
  if (!object) return object;
  const auto path = object->type_->stripped()->find_member(name);
  if (path.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no member {} in {}", name,
                            type_->name().empty() ? "this type" : type_->name()));
  }
  for (const Member* step : path) {
    auto next = object->member(*step);
    if (!next) return next;
    object = std::move(next);
  }
  return object;
}

Result<Value> Value::member_path(std::initializer_list<std::string_view> names) const {
  Result<Value> value = *this;
  for (const std::string_view name : names) {
    value = value->member(name);
    if (!value) return value;
  }
  return value;
}

Result<Value> Value::member(const Member& member) const {
  if (member.is_static) {
    const auto& module = type_->stripped()->module();
    return target_->variable(module != nullptr ? module : member.type->module(), member.die);
  }
  if (member.is_base && member.is_virtual) return virtual_base(member);
  Value value = *this;
  value.type_ = member.type;
  if (member.is_bit_field()) {
    value.bit_offset_ = member.bit_offset;
    value.bit_size_ = member.bit_size;
  } else {
    value.offset_ += member.offset();
  }
  return value;
}

Result<Value> Value::virtual_base(const Member& member) const {
  const auto at = address();
  if (!at) return fail(ErrorCode::unavailable, "a virtual base of an object that is not in memory");
  const auto base = virtual_base_address(*target_, member, *at);
  if (!base) return tl::unexpected(base.error());
  return in_memory(*target_, member.type, *base);
}

bool Value::has_member(std::string_view name) const {
  const Type* type = type_->stripped();
  if (type->kind() == TypeKind::reference) type = type->target()->stripped();
  return !type->find_member(name).empty();
}

Result<Value> Value::dereference() const {
  const Type* const type = type_->stripped();
  if (type->kind() == TypeKind::array) return element(type->lower_bound());
  if (type->kind() == TypeKind::function) return *this;
  if (type->kind() != TypeKind::pointer && type->kind() != TypeKind::reference)
    return not_a("no pointer", type_);
  const Type* const target = type->target();
  if (target->stripped()->kind() == TypeKind::nothing)
    return fail(ErrorCode::bad_request, "what a void pointer points to has no type: cast it first");
  return dereference_as(target);
}

Result<Value> Value::dereference_as(const Type* type) const {
  if (place_->kind() == Place::Kind::implicit_pointer) {
    auto pointed = place_->pointed_to();
    if (!pointed) return pointed;
    return is_same(pointed->type(), type) ? *pointed : pointed->as(type);
  }
  const auto to = as_address();
  if (!to) return tl::unexpected(to.error());
  return at(*to, type);
}

Result<Value> Value::element(int64_t index) const {
  const Type* const type = type_->stripped();
  if (type->kind() == TypeKind::array) {
    const auto stride = type->stride();
    if (!stride) return not_a("an array of elements of unknown size", type_);
    Value value = *this;
    value.type_ = type->target();
    value.offset_ += static_cast<uint64_t>(index - type->lower_bound()) * *stride;
    return value;
  }
  if (type->kind() != TypeKind::pointer) return not_a("no array and no pointer", type_);
  auto first = dereference();
  if (!first || index == 0) return first;
  const uint64_t size = first->size();
  if (size == 0) return not_a("a pointer to something of unknown size", type_);
  first->offset_ += static_cast<uint64_t>(index) * size;
  return first;
}

Result<Value::ActiveVariant> Value::active_variant(const VariantPart& part) const {
  ActiveVariant active;
  const Variant* otherwise = nullptr;
  if (part.discriminant) {
    const auto holder = member(*part.discriminant);
    const auto number = holder ? holder->as_unsigned() : tl::unexpected(holder.error());
    if (!number) return tl::unexpected(number.error());
    const uint64_t size = std::min<uint64_t>(holder->size(), sizeof(uint64_t));
    active.discriminant = extend(*number, static_cast<unsigned>(size * 8), false);
  }
  for (const Variant& variant : part.variants) {
    if (variant.discriminants.empty()) otherwise = &variant;
    if (!active.discriminant) continue;
    for (const auto& [low, high] : variant.discriminants) {
      if (*active.discriminant < low || *active.discriminant > high) continue;
      active.variant = &variant;
      return active;
    }
  }
  if (otherwise == nullptr) {
    return fail(ErrorCode::not_found, fmt::format("no alternative has the discriminant {}",
                                                  active.discriminant.value_or(0)));
  }
  active.variant = otherwise;
  return active;
}

Value Value::as(const Type* type) const {
  Value value = *this;
  value.type_ = type;
  return value;
}

Value Value::part(uint64_t offset, const Type* type) const {
  Value value = as(type);
  value.offset_ += offset;
  return value;
}

Result<Value> Value::pointer() const {
  if (is_bit_field()) return fail(ErrorCode::bad_request, "a bit-field has no address");
  const auto at = address();
  if (!at) {
    return fail(ErrorCode::bad_request,
                fmt::format("it has no address: it is {}", is_absent() ? "absent" : where()));
  }
  return of_number(*target_, target_->types().pointer_to(type_), at->value);
}

Value Value::fetched(uint64_t limit) const {
  const uint64_t count = size();
  if (place_->kind() != Place::Kind::memory || is_bit_field() || count == 0 || count > limit)
    return *this;
  auto read = bytes();
  if (!read) return *this;
  Value value = *this;
  value.place_ = Place::memory(place_->address() + offset_, std::move(*read));
  value.offset_ = 0;
  return value;
}

Status Value::write(Bytes bytes) const {
  if (is_bit_field()) {
    uint64_t number = 0;
    std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
    return write_bit_field(number);
  }
  if (bytes.size() != size()) {
    return fail(ErrorCode::bad_request,
                fmt::format("{} bytes do not fit into {}", bytes.size(), size()));
  }
  if (place_->kind() == Place::Kind::memory)
    return target_->write_memory(place_->address() + offset_, bytes);
  if (place_->kind() != Place::Kind::pieces) {
    return fail(ErrorCode::bad_request,
                fmt::format("it cannot be changed: it is {}", is_absent() ? "absent" : where()));
  }
  for (const Place::Piece& piece : place_->pieces()) {
    // The part of the piece that is written, in bits of the whole.
    const uint64_t start = std::max(piece.bit_start, offset_ * 8);
    const uint64_t end = std::min(piece.bit_start + piece.bit_size, (offset_ + bytes.size()) * 8);
    if (start >= end) continue;
    if (!piece.missing.empty()) return fail(ErrorCode::unavailable, piece.missing);
    if (!piece.write || piece.bit_start % 8 != 0 || piece.bit_size % 8 != 0)
      return fail(ErrorCode::unsupported, fmt::format("{} cannot be written", piece.where));
    const auto whole = std::span(place_->bytes()).subspan(piece.bit_start / 8, piece.bit_size / 8);
    std::vector<std::byte> changed(whole.begin(), whole.end());
    std::memcpy(changed.data() + (start - piece.bit_start) / 8,
                bytes.data() + (start / 8 - offset_), (end - start) / 8);
    if (auto status = piece.write(changed); !status) return status;
  }
  return {};
}

Status Value::write_bit_field(uint64_t number) const {
  if (bit_size_ > 64) return fail(ErrorCode::unsupported, "a bit-field of more than 64 bits");
  const uint64_t first = bit_offset_ / 8;
  const uint64_t shift = bit_offset_ % 8;
  Value window = *this;
  window.bit_size_ = 0;
  window.offset_ += first;
  window.type_ = target_->types().array_of(
      target_->types().base("unsigned char", TypeKind::character, 1, false),
      (shift + bit_size_ + 7) / 8);
  auto bytes = window.bytes();
  if (!bytes) return tl::unexpected(bytes.error());
  for (uint64_t bit = 0; bit < bit_size_; ++bit) {
    const uint64_t at = shift + bit;
    const auto mask = static_cast<std::byte>(1U << (at % 8));
    std::byte& byte = (*bytes)[at / 8];
    byte = (number >> bit & 1) != 0 ? byte | mask : byte & ~mask;
  }
  return window.write(*bytes);
}

}  // namespace clew::value
