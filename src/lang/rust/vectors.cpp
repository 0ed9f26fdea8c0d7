// String and what else is text, Vec, VecDeque.

#include "lang/rust/families.h"
#include "lang/rust/pointer.h"

namespace clew::lang::rust {
namespace {

/// Where a Vec or VecDeque keeps its elements. Versions wrap it more or less.
struct Buffer {
  Pointer start;
  Field capacity;

  static std::optional<Buffer> find(const Type* type) {
    auto start = find_pointer(find_field(type, {"buf", "inner", "ptr"}));
    if (!start) start = find_pointer(find_field(type, {"buf", "ptr"}));
    auto outer = find_any_field(type, {{"buf", "inner", "cap"}, {"buf", "cap"}});
    if (!start || start->kind != Pointer::Kind::thin || !outer) return std::nullopt;
    const auto number = find_only_scalar(outer->type);
    if (!number) return std::nullopt;
    return Buffer{*start, Field{outer->offset + number->offset, number->type}};
  }
};

struct Vec {
  Buffer buffer;
  Field length;

  static std::optional<Vec> find(const Type* type) {
    const auto buffer = Buffer::find(type);
    const auto length = find_field(type, {"len"});
    if (!buffer || !length) return std::nullopt;
    return Vec{*buffer, *length};
  }

  struct Row {
    Addr start;
    uint64_t count = 0;
  };
  /// `size` is that of an element: of those that take no space there can be any number.
  Result<Row> row(const Value& value, uint64_t size) const {
    const auto start = buffer.start.address.number(value);
    const auto room = buffer.capacity.number(value);
    const auto count = length.number(value);
    if (!start || !room) return tl::unexpected((!start ? start : room).error());
    if (!count) return tl::unexpected(count.error());
    if (size != 0 && *count > *room)
      return corrupt("its length {} is more than its capacity {}", *count, *room);
    if (is_impossible(*count, size)) return corrupt("its length of {} is impossible", *count);
    return Row{Addr{*start}, *count};
  }
};

}  // namespace

std::unique_ptr<Printer> make_string(const Type* type, std::string_view) {
  // Of a String, an OsString, a PathBuf.
  auto outer = find_any_field(type, {{"vec"}, {"inner", "inner", "inner"}, {"inner", "inner"}});
  if (!outer) return nullptr;
  const auto vec = Vec::find(outer->type->stripped());
  if (!vec) return nullptr;
  return make_printer([vec = *vec, outer = *outer](const Value& value) -> Result<Presentation> {
    const auto row = vec.row(outer.of(value), 1);
    if (!row) return tl::unexpected(row.error());
    value::Text text;
    text.start = row->start;
    text.length = row->count;
    text.encoding = value::Text::Encoding::utf8;
    return present_text(std::move(text));
  });
}

std::unique_ptr<Printer> make_vec(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  const auto vec = Vec::find(type);
  if (element == nullptr || !vec) return nullptr;
  const auto size = size_of(element);
  // The unit type has no size in its entry.
  const uint64_t stride = size.value_or(0);
  if (!size && element->stripped()->kind() != value::TypeKind::nothing) return nullptr;
  return make_printer([=, vec = *vec](const Value& value) -> Result<Presentation> {
    const auto row = vec.row(value, stride);
    if (!row) return tl::unexpected(row.error());
    return present_list(fmt::format("{}(size={})", name, row->count), row->count, value.target(),
                        element, addresses_in_row(value.target(), row->start, row->count, stride));
  });
}

std::unique_ptr<Printer> make_vec_deque(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  const auto buffer = Buffer::find(type);
  const auto head = find_field(type, {"head"});
  const auto length = find_field(type, {"len"});
  // Before Rust 1.67 the end was kept instead of the length, as "head", and the start as "tail".
  const auto tail = find_field(type, {"tail"});
  if (element == nullptr || !buffer || !head || (!length && !tail)) return nullptr;
  const uint64_t size = size_of(element).value_or(0);
  return make_printer([=, buffer = *buffer](const Value& value) -> Result<Presentation> {
    const auto start = buffer.start.address.number(value);
    const auto room = buffer.capacity.number(value);
    const auto first = (length ? head : tail)->number(value);
    const auto end = (length ? length : head)->number(value);
    if (!start || !room) return tl::unexpected((!start ? start : room).error());
    if (!first || !end) return tl::unexpected((!first ? first : end).error());
    const uint64_t capacity = size == 0 ? UINT64_MAX : *room;
    uint64_t count = *end;
    if (!length && capacity != 0) count = *end >= *first ? *end - *first : *end + capacity - *first;
    if (count > capacity || (*first >= capacity && count != 0) || is_impossible(count, size)) {
      return corrupt("it has {} elements from {} on, and a capacity of {}", count, *first,
                     capacity);
    }
    Target& target = value.target();
    const std::string summary = fmt::format("{}(size={})", name, count);
    if (size == 0) {
      return present_list(summary, count, target, element,
                          addresses_in_row(target, Addr{*start}, count, 0));
    }
    Addresses addresses = [=, &target,
                           index = uint64_t{0}]() mutable -> Result<std::optional<Addr>> {
      if (index == count) return std::nullopt;
      const uint64_t to_end = capacity - *first;
      const uint64_t place = index < to_end ? *first + index : index - to_end;
      const Addr at = Addr{*start} + place * size;
      if (const auto byte = read_at<uint8_t>(target, at); !byte)
        return tl::unexpected(byte.error());
      ++index;
      return at;
    };
    return present_list(summary, count, target, element, std::move(addresses));
  });
}

}  // namespace clew::lang::rust
