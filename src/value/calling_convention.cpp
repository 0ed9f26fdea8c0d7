#include "value/calling_convention.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "value/dwarf_read.h"
#include "value/type_text.h"

namespace clew::value {
namespace {

using Classes = std::array<RegisterClass, 2>;

constexpr uint64_t word = 8;
constexpr uint64_t most_in_registers = 2 * word;
/// Structures within structures: deeper than any program has.
constexpr int deepest_member = 32;

RegisterClass merged(RegisterClass a, RegisterClass b) {
  using enum RegisterClass;
  if (a == b || b == none) return a;
  if (a == none) return b;
  if (a == memory || b == memory) return memory;
  if (a == integer || b == integer) return integer;
  const auto is_x87 = [](RegisterClass c) { return c == x87 || c == x87_up || c == complex_x87; };
  return is_x87(a) || is_x87(b) ? memory : sse;
}

class Classifier {
 public:
  Result<Classes> run(const Type* type) {
    const uint64_t size = type->size().value_or(0);
    if (size > most_in_registers) {
      if (type->stripped()->is_vector())
        return fail(ErrorCode::unsupported, "vectors of more than 16 bytes are not passed by clew");
      if (type->stripped()->kind() == TypeKind::complex)
        return Classes{RegisterClass::complex_x87, RegisterClass::none};
      return Classes{RegisterClass::memory, RegisterClass::memory};
    }
    add(type, 0, 0);
    using enum RegisterClass;
    // The same, 5: what is left over is in memory altogether.
    const bool broken = classes_[0] == memory || classes_[1] == memory ||
                        (classes_[1] == x87_up && classes_[0] != x87);
    if (broken) return Classes{memory, memory};
    if (classes_[1] == sse_up && classes_[0] != sse) classes_[1] = sse;
    return classes_;
  }

 private:
  void put(uint64_t offset, RegisterClass wanted) {
    if (offset / word < classes_.size())
      classes_[offset / word] = merged(classes_[offset / word], wanted);
  }

  void add(const Type* type, uint64_t offset, int depth) {
    if (depth > deepest_member || --budget_ < 0) {
      put(0, RegisterClass::memory);
      return;
    }
    const Type* const plain = type->stripped();
    const uint64_t size = plain->size().value_or(0);
    switch (plain->kind()) {
      case TypeKind::floating:
        add_floating(plain, offset, size);
        return;
      case TypeKind::complex:
        put(offset, RegisterClass::sse);
        if (size > word) put(offset + word, RegisterClass::sse);
        return;
      case TypeKind::array:
        add_array(plain, offset, depth);
        return;
      case TypeKind::structure:
      case TypeKind::union_type:
        add_members(plain, offset, depth);
        return;
      default:
        for (uint64_t at = 0; at < size; at += word) put(offset + at, RegisterClass::integer);
        return;
    }
  }

  void add_floating(const Type* type, uint64_t offset, uint64_t size) {
    // GCC's __float128 and _Float128 have 16 bytes as long double has, and are in a vector
    // register.
    const bool is_quad = type->name().find("128") != std::string_view::npos;
    if (size <= word) {
      put(offset, RegisterClass::sse);
    } else if (is_quad) {
      put(offset, RegisterClass::sse);
      put(offset + word, RegisterClass::sse_up);
    } else {
      put(offset, RegisterClass::x87);
      put(offset + word, RegisterClass::x87_up);
    }
  }

  void add_array(const Type* array, uint64_t offset, int depth) {
    const uint64_t size = array->size().value_or(0);
    if (array->is_vector()) {
      put(offset, RegisterClass::sse);
      if (size > word) put(offset + word, RegisterClass::sse_up);
      return;
    }
    const uint64_t stride = array->stride().value_or(0);
    if (stride == 0) return;
    for (uint64_t at = 0; at < size; at += stride) add(array->target(), offset + at, depth + 1);
  }

  void add_members(const Type* type, uint64_t offset, int depth) {
    for (const Member& member : type->members()) {
      if (member.is_static) continue;
      if (member.is_virtual) {
        put(0, RegisterClass::memory);
        continue;
      }
      if (member.is_bit_field()) {
        put(offset + member.bit_offset / 8, RegisterClass::integer);
        continue;
      }
      const uint64_t at = offset + member.offset();
      // Packed: not at a multiple of its alignment.
      if (member.type->is_scalar() && member.type->size().value_or(1) <= most_in_registers &&
          at % std::max<uint64_t>(member.type->size().value_or(1), 1) != 0) {
        put(0, RegisterClass::memory);
        continue;
      }
      add(member.type, at, depth + 1);
    }
    for (const VariantPart& part : type->variant_parts()) {
      if (part.discriminant)
        add(part.discriminant->type, offset + part.discriminant->offset(), depth + 1);
      for (const Variant& variant : part.variants) {
        for (const Member& member : variant.members)
          add(member.type, offset + member.offset(), depth + 1);
      }
    }
  }

  Classes classes_{RegisterClass::none, RegisterClass::none};
  int budget_ = 1000;
};

std::optional<bool> declared_by_reference(const Type* type) {
  if (type->module() == nullptr || type->die().addr == nullptr) return std::nullopt;
  const auto lock = type->module()->lock();
  const auto convention = constant_attribute(type->die(), DW_AT_calling_convention);
  if (convention == DW_CC_pass_by_reference) return true;
  if (convention == DW_CC_pass_by_value) return false;
  return std::nullopt;
}

/// Whether a member function takes one parameter beside `this`: a reference to its class.
bool copies(const Method& method, const Type* type) {
  const Type* only = nullptr;
  for (const Parameter& parameter : method.type->parameters()) {
    if (parameter.is_artificial) continue;
    if (only != nullptr) return false;
    only = parameter.type->stripped();
  }
  return only != nullptr && only->kind() == TypeKind::reference &&
         is_same(only->target()->stripped(), type);
}

bool is_defaulted(const Method& method) {
  if (method.is_artificial) return true;
  if (method.type->module() == nullptr) return false;
  const auto lock = method.type->module()->lock();
  constexpr int in_class = 1;  // DW_DEFAULTED_in_class (DWARF 5, 5.7.8)
  return constant_attribute(method.die, DW_AT_defaulted) == in_class;
}

/// What makes copying or destroying an object more than moving its bytes. Debug information before
/// DWARF 5 may not say so itself.
bool is_by_reference(const Type* type, int depth, int& budget) {
  type = type->stripped();
  if (depth > deepest_member || --budget < 0) return false;
  if (type->kind() == TypeKind::array) return is_by_reference(type->target(), depth + 1, budget);
  if (type->kind() != TypeKind::structure || !is_cpp(type->language())) return false;
  if (const auto declared = declared_by_reference(type)) return *declared;
  for (const Method& method : type->methods()) {
    if (method.is_virtual) return true;
    const bool matters =
        method.name.starts_with('~') || (method.name == type->base_name() && copies(method, type));
    if (matters && !is_defaulted(method)) return true;
  }
  const auto members = type->members();
  return std::any_of(members.begin(), members.end(), [&](const Member& member) {
    return member.is_virtual ||
           (!member.is_static && is_by_reference(member.type, depth + 1, budget));
  });
}

Result<Value> from_registers(Target& target, const Type* type, const Passing& passing,
                             const RegisterReader& registers) {
  const uint64_t size = type->size().value_or(0);
  std::vector<std::byte> bytes(std::max<uint64_t>(size, most_in_registers));
  std::vector<std::string_view> integers = {"rdx", "rax"};
  std::vector<std::string_view> vectors = {"xmm1", "xmm0"};
  const auto take = [&](std::string_view name, size_t at, size_t count) -> Status {
    const auto all = registers(name);
    if (!all) return tl::unexpected(all.error());
    std::copy_n(all->begin(), std::min({count, all->size(), bytes.size() - at}),
                bytes.begin() + static_cast<ptrdiff_t>(at));
    return {};
  };
  for (size_t i = 0; i < passing.classes.size(); ++i) {
    Status taken;
    switch (passing.classes[i]) {
      case RegisterClass::integer:
        taken = take(integers.back(), i * word, word);
        integers.pop_back();
        break;
      case RegisterClass::sse: {
        const bool is_whole = i == 0 && passing.classes[1] == RegisterClass::sse_up;
        taken = take(vectors.back(), i * word, is_whole ? 2 * word : word);
        vectors.pop_back();
        break;
      }
      case RegisterClass::x87:
        taken = take("st0", 0, 10);
        break;
      case RegisterClass::complex_x87:
        taken = take("st0", 0, 10);
        if (taken) taken = take("st1", size / 2, 10);
        break;
      default:
        break;
    }
    if (!taken) return tl::unexpected(taken.error());
  }
  bytes.resize(size);
  return Value::of_bytes(target, type, std::move(bytes));
}

}  // namespace

Result<Passing> passing_of(const Type* type) {
  const Type* const plain = type->stripped();
  if (plain->kind() == TypeKind::reference || plain->kind() == TypeKind::pointer)
    return Passing{{RegisterClass::integer, RegisterClass::none}};
  if (!type->size() && !plain->size()) {
    return fail(ErrorCode::unavailable,
                fmt::format("the size of {} is not known", type_text(type)));
  }
  int budget = 10'000;
  if (is_by_reference(plain, 0, budget))
    return Passing{{RegisterClass::memory, RegisterClass::memory}, true};
  const auto classes = Classifier().run(plain);
  if (!classes) return tl::unexpected(classes.error());
  return Passing{*classes};
}

Result<std::optional<Value>> returned_value(Target& target, const Type* type,
                                            const RegisterReader& registers) {
  if (type->stripped()->kind() == TypeKind::nothing) return std::optional<Value>();
  const auto passing = passing_of(type);
  if (!passing) return tl::unexpected(passing.error());
  if (!passing->in_memory()) {
    auto value = from_registers(target, type, *passing, registers);
    if (!value) return tl::unexpected(value.error());
    return std::optional<Value>(std::move(*value));
  }
  // The address of where it was put is returned as well.
  const auto rax = registers("rax");
  if (!rax) return tl::unexpected(rax.error());
  uint64_t address = 0;
  std::copy_n(rax->begin(), std::min(rax->size(), sizeof address), bytes_of(address).begin());
  return std::optional<Value>(Value::in_memory(target, type, {address}));
}

}  // namespace clew::value
