// What package sync has: what state it is in, and who waits. And the atomic types.

#include "lang/go/families.h"
#include "value/types.h"

namespace clew::go {
namespace {

// sync.Mutex: the bits of its state.
constexpr int64_t is_locked = 1;
constexpr int64_t is_starving = 4;
constexpr unsigned waiters_shift = 3;

/// sync.RWMutex: what a writer takes from the count of readers.
constexpr int64_t most_readers = int64_t{1} << 30;

Result<int64_t> signed_of(const Field& field, const Value& value) {
  return field.of(value).as_signed();
}

/// A number, or one that a type of package atomic wraps.
std::optional<Field> find_number(const Type* type, std::string_view name) {
  const auto field = find_field(type, {name});
  const auto number = field ? lang::find_only_scalar(field->type) : std::nullopt;
  if (!number) return std::nullopt;
  return Field{field->offset + number->offset, number->type};
}

std::string mutex_text(int64_t state) {
  std::string text = (state & is_locked) != 0 ? "locked" : "unlocked";
  if ((state & is_starving) != 0) text += ", starving";
  if (const int64_t waiting = state >> waiters_shift; waiting != 0)
    text += fmt::format(", {} waiting", waiting);
  return text;
}

}  // namespace

std::unique_ptr<Printer> make_mutex(const Type* type) {
  // From Go 1.24 on it is one of package internal/sync within.
  auto state = find_number(type, "state");
  if (!state) {
    const auto inner = find_field(type, {"mu"});
    const auto within = inner ? find_number(inner->type, "state") : std::nullopt;
    if (!within) return nullptr;
    state = Field{inner->offset + within->offset, within->type};
  }
  return make_printer([state = *state](const Value& value) -> Result<Presentation> {
    const auto bits = signed_of(state, value);
    if (!bits) return tl::unexpected(bits.error());
    if (*bits < 0) return corrupt("a mutex with the state {} is impossible", *bits);
    return lang::present_summary(fmt::format("sync.Mutex [{}]", mutex_text(*bits)));
  });
}

std::unique_ptr<Printer> make_rw_mutex(const Type* type) {
  const auto count = find_number(type, "readerCount");
  const auto wait = find_number(type, "readerWait");
  if (!count || !wait) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto readers = signed_of(*count, value);
    const auto leaving = signed_of(*wait, value);
    if (!readers || !leaving) return tl::unexpected((!readers ? readers : leaving).error());
    const bool has_writer = *readers < 0;
    const int64_t number = has_writer ? *readers + most_readers : *readers;
    if (number < 0 || number >= most_readers || *leaving > number)
      return corrupt("a mutex with {} readers, {} of them to leave, is impossible", *readers,
                     *leaving);
    std::string text;
    if (!has_writer) {
      text = number == 0 ? "unlocked" : fmt::format("{} reader{}", number, number == 1 ? "" : "s");
    } else if (*leaving > 0) {
      text = fmt::format("{} reader{}, a writer waiting", *leaving, *leaving == 1 ? "" : "s");
    } else {
      text = "write-locked";
    }
    const int64_t waiting = has_writer ? number - std::max<int64_t>(*leaving, 0) : 0;
    if (waiting > 0) text += fmt::format(", {} reader{} waiting", waiting, waiting == 1 ? "" : "s");
    return lang::present_summary(fmt::format("sync.RWMutex [{}]", text));
  });
}

std::unique_ptr<Printer> make_wait_group(const Type* type) {
  auto state = find_number(type, "state");
  // Before Go 1.20.
  if (!state) state = find_number(type, "state1");
  if (!state || lang::size_of(state->type) != sizeof(uint64_t)) return nullptr;
  return make_printer([state = *state](const Value& value) -> Result<Presentation> {
    const auto bits = state.number(value);
    if (!bits) return tl::unexpected(bits.error());
    const auto counter = static_cast<int32_t>(*bits >> 32);
    // The bit above marks one that belongs to a test of package synctest.
    const uint64_t waiting = *bits & 0x7fff'ffff;
    if (counter < 0) return corrupt("a wait group with the counter {} is impossible", counter);
    return lang::present_summary(
        fmt::format("sync.WaitGroup [counter {}, {} waiting]", counter, waiting));
  });
}

std::unique_ptr<Printer> make_once(const Type* type) {
  const auto done = find_number(type, "done");
  if (!done) return nullptr;
  return make_printer([done = *done](const Value& value) -> Result<Presentation> {
    const auto number = done.number(value);
    if (!number) return tl::unexpected(number.error());
    if (*number > 1) return corrupt("its state {} is impossible", *number);
    return lang::present_summary(*number != 0 ? "sync.Once [done]" : "sync.Once [not done]");
  });
}

/// Int32, Bool, Pointer[T], Value and so on: what is in it.
std::unique_ptr<Printer> make_atomic(const Type* type) {
  if (type->kind() != value::TypeKind::structure) return nullptr;
  const auto held = lang::find_any_field(type, {{"v"}, {"value"}, {"u"}});
  if (!held) return nullptr;
  // Pointer[T] has an array of no *T, so that it is one type for each T.
  const Type* pointer = nullptr;
  for (const value::Member& member : type->members()) {
    const Type* const array = member.type->stripped();
    if (member.name == "_" && array->kind() == value::TypeKind::array && array->count() == 0U &&
        array->target()->is_pointer()) {
      pointer = array->target();
    }
  }
  const bool is_bool = type->name().ends_with(".Bool");
  return make_printer([held = *held, pointer, is_bool](const Value& value) -> Result<Presentation> {
    Value inner = held.of(value);
    if (pointer != nullptr) inner = inner.as(pointer);
    if (is_bool) {
      const auto number = lang::find_only_scalar(inner.type());
      const auto bits = number ? number->number(inner) : Result<uint64_t>(uint64_t{2});
      if (!bits) return tl::unexpected(bits.error());
      if (*bits < 2) return lang::present_summary(*bits != 0 ? "true" : "false");
    }
    return lang::present_stand_in(std::move(inner));
  });
}

}  // namespace clew::go
