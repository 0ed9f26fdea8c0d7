// Cells, locks, atomics, and what else wraps one value.

#include "lang/rust/families.h"
#include "value/types.h"

namespace clew::lang::rust {
namespace {

/// A number within a member, however it is wrapped.
std::optional<Field> find_number(const Type* type, Path path) {
  const auto outer = find_field(type, path);
  if (!outer) return std::nullopt;
  const auto number = find_only_scalar(outer->type);
  if (!number) return std::nullopt;
  return Field{outer->offset + number->offset, number->type};
}

/// The member of an UnsafeCell within a member.
std::optional<Field> find_in_cell(const Type* type, std::string_view name) {
  const auto cell = find_field(type, {name});
  const auto held = find_field(cell, {"value"});
  return held ? held : cell;
}

}  // namespace

std::unique_ptr<Printer> make_wrapper(const Type* type, std::string_view name) {
  // All that they have is one value: of any type, which has a printer of its own.
  if (name == "UnsafeCell" || name == "ManuallyDrop" || name == "MaybeDangling") {
    const auto any = find_any_field(type, {{"value"}, {"__0"}});
    if (!any) return nullptr;
    return make_printer([any = *any](const Value& value) -> Result<Presentation> {
      return present_stand_in(any.of(value));
    });
  }
  // Atomics, NonZero, NonNull.
  auto held = find_field(type, {"v", "value"});
  if (!held) held = find_any_field(type, {{"value", "__0"}, {"value"}, {"pointer"}, {"__0"}});
  if (!held) return nullptr;
  if (const auto number = find_only_scalar(held->type))
    held = Field{held->offset + number->offset, number->type};
  // An atomic truth value is kept as a byte.
  const Type* const argument = type->template_type(0);
  const bool is_truth =
      name == "AtomicBool" ||
      (argument != nullptr && argument->stripped()->kind() == value::TypeKind::boolean);
  if (is_truth && size_of(held->type) == 1U)
    held->type = type->owner().base("bool", value::TypeKind::boolean, 1, false);
  return make_printer([held = *held](const Value& value) -> Result<Presentation> {
    return present_stand_in(held.of(value));
  });
}

std::unique_ptr<Printer> make_cell(const Type* type, std::string_view name) {
  auto held = find_field(type, {"value", "value"});
  if (!held) held = find_field(type, {"inner", "value"});
  if (!held) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    return present_stand_in(held->of(value), std::string(name));
  });
}

std::unique_ptr<Printer> make_ref_cell(const Type* type, std::string_view) {
  const auto borrow = find_number(type, {"borrow"});
  const auto held = find_in_cell(type, "value");
  if (!borrow || !held) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto count = borrow->of(value).as_signed();
    if (!count) return tl::unexpected(count.error());
    if (*count == INT64_MIN) return corrupt("its borrow count is {}", *count);
    return present_stand_in(held->of(value), *count < 0
                                                 ? fmt::format("RefCell(borrow_mut={})", -*count)
                                                 : fmt::format("RefCell(borrow={})", *count));
  });
}

std::unique_ptr<Printer> make_mutex(const Type* type, std::string_view) {
  const auto lock = find_number(type, {"inner"});
  const auto poison = find_number(type, {"poison"});
  const auto held = find_in_cell(type, "data");
  if (!lock || size_of(lock->type) != sizeof(uint32_t) || !poison || !held) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto state = lock->number(value);
    const auto is_poisoned = value.read<uint8_t>(poison->offset);
    if (!state) return tl::unexpected(state.error());
    if (!is_poisoned) return tl::unexpected(is_poisoned.error());
    // The futex: 1 is locked, 2 is locked and somebody waits for it.
    if (*state > 2 || *is_poisoned > 1) return corrupt("its state is {}", *state);
    return present_stand_in(
        held->of(value),
        fmt::format("Mutex({}{}{})", *state == 0 ? "unlocked" : "locked",
                    *state == 2 ? ", others wait" : "", *is_poisoned == 1 ? ", poisoned" : ""));
  });
}

std::unique_ptr<Printer> make_rw_lock(const Type* type, std::string_view) {
  const auto lock = find_number(type, {"inner", "state"});
  const auto held = find_in_cell(type, "data");
  if (!lock || size_of(lock->type) != sizeof(uint32_t) || !held) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto state = lock->number(value);
    if (!state) return tl::unexpected(state.error());
    // The futex: the number of readers in the lower 30 bits, all of them set for a writer.
    constexpr uint64_t mask = (uint64_t{1} << 30) - 1;
    const uint64_t readers = *state & mask;
    const std::string text = readers == 0      ? "unlocked"
                             : readers == mask ? "locked for writing"
                                               : fmt::format("locked by {} readers", readers);
    return present_stand_in(held->of(value), fmt::format("RwLock({})", text));
  });
}

}  // namespace clew::lang::rust
