// std::basic_string in its three layouts, std::basic_string_view, std::filesystem::path.

#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"
#include "value/renderer.h"

namespace clew::lang::cpp {
namespace {

/// The character type, when it is one.
const Type* character_of(const Type* type) {
  const Type* const character = type->template_type(0);
  if (character == nullptr || character->stripped()->kind() != value::TypeKind::character)
    return nullptr;
  switch (size_of(character).value_or(0)) {
    case 1:
    case 2:
    case 4:
      return character->stripped();
    default:
      return nullptr;
  }
}

value::Text text_of(const Type* character, Addr start, uint64_t length) {
  value::Text text;
  text.start = start;
  text.length = length;
  text.encoding = value::encoding_of(character);
  text.prefix = value::text_prefix(character);
  return text;
}

Result<Presentation> text_within(const Type* character, Addr start, uint64_t length,
                                 uint64_t capacity) {
  if (length > capacity)
    return corrupt("its length {} is more than its capacity {}", length, capacity);
  if (is_impossible(capacity, 1)) return corrupt("its capacity of {} is impossible", capacity);
  return present_text(text_of(character, start, length));
}

/// libstdc++ since GCC 5: a pointer, which may lead into the string itself, and a length.
struct ShortString {
  const Type* character;
  Field pointer, length, local, capacity;

  static std::optional<ShortString> find(const Type* type, const Type* character) {
    auto pointer = find_field(type, {"_M_dataplus", "_M_p"});
    const auto length = find_field(type, {"_M_string_length"});
    // clang describes the pointer's structure only where its constructor is compiled. It holds the
    // pointer alone when there is no room for an allocator too.
    const auto holder = find_field(type, {"_M_dataplus"});
    if (!pointer && holder && length && length->offset == holder->offset + sizeof(uint64_t))
      pointer = Field{holder->offset, length->type};
    const auto local = find_field(type, {"_M_local_buf"});
    const auto capacity = find_field(type, {"_M_allocated_capacity"});
    if (!pointer || !length || !local || !capacity) return std::nullopt;
    return ShortString{character, *pointer, *length, *local, *capacity};
  }

  Result<Presentation> operator()(const Value& value) const {
    const auto start = pointer.number(value);
    if (!start) return tl::unexpected(start.error());
    const auto units = length.number(value);
    if (!units) return tl::unexpected(units.error());
    const auto inner = local.address(value);
    if (inner && inner->value == *start) {
      const uint64_t room = size_of(local.type).value_or(0) / size_of(character).value_or(1);
      return text_within(character, Addr{*start}, *units, room == 0 ? 0 : room - 1);
    }
    const auto room = capacity.number(value);
    if (!room) return tl::unexpected(room.error());
    return text_within(character, Addr{*start}, *units, *room);
  }
};

/// libstdc++ before, and since then with _GLIBCXX_USE_CXX11_ABI=0: one pointer; length, capacity
/// and the count of owners stand before the characters.
struct SharedString {
  const Type* character;
  Field pointer;

  static std::optional<SharedString> find(const Type* type, const Type* character) {
    const auto pointer = find_field(type, {"_M_dataplus", "_M_p"});
    if (!pointer || size_of(type) != sizeof(uint64_t)) return std::nullopt;
    return SharedString{character, *pointer};
  }

  Result<Presentation> operator()(const Value& value) const {
    const auto start = pointer.number(value);
    if (!start) return tl::unexpected(start.error());
    constexpr uint64_t header_size = 24;
    const auto header =
        read_at<std::array<uint64_t, 2>>(value.target(), Addr{*start} - header_size);
    if (!header) return tl::unexpected(header.error());
    return text_within(character, Addr{*start}, (*header)[0], (*header)[1]);
  }
};

/// libc++: a long form and a short one in a union. One bit of the first byte (or, with the
/// alternate layout, of the last) tells which it is.
struct UnionString {
  const Type* character;
  Field whole;            // the long form, the short one
  Field pointer, length;  // of the long form
  Field characters;       // of the short form
  std::optional<Field>
      flags;  // before version 15: the byte that holds the short length and the bit
  bool is_alternate = false;

  static std::optional<UnionString> find(const Type* type, const Type* character) {
    auto whole = find_any_field(type, {{"__r_", "__value_"}, {"__r_", "__first_"}, {"__rep_"}});
    const auto pointer = find_field(whole, {"__l", "__data_"});
    const auto length = find_field(whole, {"__l", "__size_"});
    const auto characters = find_field(whole, {"__s", "__data_"});
    if (!pointer || !length || !characters) return std::nullopt;
    UnionString found{character, *whole, *pointer, *length, *characters, {}, false};
    found.is_alternate = pointer->offset == whole->offset;
    if (whole->type->stripped()->find_member("__s").empty()) return std::nullopt;
    const auto small = find_field(whole, {"__s"});
    if (small->type->stripped()->find_member("__is_long_").empty()) {
      found.flags = find_field(small, {"__size_"});
      if (!found.flags || size_of(found.flags->type) != 1U) return std::nullopt;
    }
    return found;
  }

  struct ShortForm {
    bool is_long = false;
    uint64_t length = 0;
  };
  Result<ShortForm> short_form(const Value& value) const {
    if (!flags) {
      const auto small = whole.of(value).member("__s");
      if (!small) return tl::unexpected(small.error());
      const auto is_long = small->member("__is_long_");
      const auto bit = is_long ? is_long->as_unsigned() : tl::unexpected(is_long.error());
      if (!bit) return tl::unexpected(bit.error());
      const auto size = small->member("__size_");
      const auto units = size ? size->as_unsigned() : tl::unexpected(size.error());
      if (!units) return tl::unexpected(units.error());
      return ShortForm{(*bit & 1) != 0, *units & 0x7f};
    }
    const auto byte = value.read<uint8_t>(flags->offset);
    if (!byte) return tl::unexpected(byte.error());
    const unsigned bits = *byte;
    if (is_alternate) return ShortForm{(bits & 0x80) != 0, bits & 0x7f};
    return ShortForm{(bits & 1) != 0, bits >> 1};
  }

  Result<Presentation> operator()(const Value& value) const {
    const auto form = short_form(value);
    if (!form) return tl::unexpected(form.error());
    if (!form->is_long) {
      const auto start = characters.address(value);
      if (!start) return fail(ErrorCode::unavailable, "a short string that is not in memory");
      const uint64_t room = size_of(characters.type).value_or(0) / size_of(character).value_or(1);
      return text_within(character, *start, form->length, room);
    }
    const auto start = pointer.number(value);
    if (!start) return tl::unexpected(start.error());
    const auto units = length.number(value);
    if (!units) return tl::unexpected(units.error());
    if (is_impossible(*units, 1)) return corrupt("its length of {} is impossible", *units);
    return present_text(text_of(character, Addr{*start}, *units));
  }
};

/// What shows a string of whatever layout; empty when it has none of them.
Present string_of(const Type* type) {
  const Type* const character = character_of(type);
  if (character == nullptr) return nullptr;
  if (auto found = ShortString::find(type, character)) return *found;
  if (auto found = UnionString::find(type, character)) return *found;
  if (auto found = SharedString::find(type, character)) return *found;
  return nullptr;
}

std::unique_ptr<Printer> printer_or_none(Present present) {
  return present ? make_printer(std::move(present)) : nullptr;
}

}  // namespace

std::unique_ptr<Printer> make_string(const Type* type, std::string_view) {
  return printer_or_none(string_of(type));
}

std::unique_ptr<Printer> make_string_view(const Type* type, std::string_view) {
  const Type* const character = character_of(type);
  const auto start = find_any_field(type, {{"_M_str"}, {"__data_"}, {"__data"}});
  const auto length = find_any_field(type, {{"_M_len"}, {"__size_"}, {"__size"}});
  if (character == nullptr || !start || !length) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto at = start->number(value);
    if (!at) return tl::unexpected(at.error());
    const auto units = length->number(value);
    if (!units) return tl::unexpected(units.error());
    if (is_impossible(*units, 1)) return corrupt("its length of {} is impossible", *units);
    return present_text(text_of(character, Addr{*at}, *units));
  });
}

std::unique_ptr<Printer> make_path(const Type* type, std::string_view) {
  const auto name = find_any_field(type, {{"_M_pathname"}, {"__pn_"}});
  if (!name) return nullptr;
  Present text = string_of(name->type->stripped());
  if (!text) return nullptr;
  return make_printer(
      [name = *name, text = std::move(text)](const Value& value) -> Result<Presentation> {
        auto presentation = text(name.of(value));
        if (presentation) presentation->summary = "filesystem::path";
        return presentation;
      });
}

}  // namespace clew::lang::cpp
