// std::vector, and the one of bits.

#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"

namespace clew::lang::cpp {
namespace {

constexpr uint64_t word_bits = 64;

/// Bits in words of 64, least significant first.
Presentation present_bits(std::string summary, const Value& value, const Type* boolean, Addr start,
                          uint64_t count) {
  Target& target = value.target();
  Presentation presentation;
  presentation.summary = std::move(summary);
  presentation.shape = Shape::list;
  presentation.count = count;
  presentation.next = [&target, boolean, start, count,
                       index = uint64_t{0}]() mutable -> Result<std::optional<Child>> {
    if (index == count) return std::nullopt;
    const auto byte = read_at<uint8_t>(target, start + index / 8);
    if (!byte) return tl::unexpected(byte.error());
    const uint64_t bit = *byte >> (index % 8) & 1;
    ++index;
    return Child{{}, std::nullopt, Value::of_number(target, boolean, bit)};
  };
  return presentation;
}

std::string bits_summary(uint64_t length, uint64_t capacity) {
  return fmt::format("std::vector<bool> of length {}, capacity {}", length, capacity);
}

Result<Presentation> bits_checked(const Value& value, const Type* boolean, Addr start,
                                  uint64_t length, uint64_t capacity) {
  if (is_impossible(capacity, 1)) return corrupt("its capacity of {} is impossible", capacity);
  if (length > capacity)
    return corrupt("its length {} is more than its capacity {}", length, capacity);
  return present_bits(bits_summary(length, capacity), value, boolean, start, length);
}

std::unique_ptr<Printer> make_libstdcxx_bits(const Type* type, const Type* boolean) {
  const auto start = find_field(type, {"_M_impl", "_M_start", "_M_p"});
  const auto finish = find_field(type, {"_M_impl", "_M_finish", "_M_p"});
  const auto offset = find_field(type, {"_M_impl", "_M_finish", "_M_offset"});
  const auto storage = find_field(type, {"_M_impl", "_M_end_of_storage"});
  if (!start || !finish || !offset || !storage) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = start->number(value);
    const auto last = finish->number(value);
    const auto bits = offset->number(value);
    const auto end = storage->number(value);
    if (!first) return tl::unexpected(first.error());
    if (!last || !bits || !end) return tl::unexpected((!last ? last : !bits ? bits : end).error());
    if (*last < *first) return corrupt("the end lies before the start");
    if (*end < *last) return corrupt("the capacity ends before the end");
    if (*bits >= word_bits) return corrupt("its last word has {} bits", *bits);
    if ((*last - *first) % 8 != 0 || (*end - *first) % 8 != 0)
      return corrupt("its words are no whole words");
    return bits_checked(value, boolean, Addr{*first}, (*last - *first) * 8 + *bits,
                        (*end - *first) * 8);
  });
}

std::unique_ptr<Printer> make_bits(const Type* type, const Type* boolean) {
  if (auto printer = make_libstdcxx_bits(type, boolean)) return printer;
  const auto start = find_field(type, {"__begin_"});
  const auto size = find_field(type, {"__size_"});
  const auto words = find_field(type, {"__cap_alloc_"}) ? find_first_of_pair(type, {"__cap_alloc_"})
                                                        : find_field(type, {"__cap_"});
  if (!start || !size || !words) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = start->number(value);
    const auto length = size->number(value);
    const auto capacity = words->number(value);
    if (!first) return tl::unexpected(first.error());
    if (!length || !capacity) return tl::unexpected((!length ? length : capacity).error());
    if (is_impossible(*capacity, 8)) return corrupt("its capacity of {} is impossible", *capacity);
    return bits_checked(value, boolean, Addr{*first}, *length, *capacity * word_bits);
  });
}

}  // namespace

std::unique_ptr<Printer> make_vector(const Type* type, std::string_view) {
  const Type* const element = type->template_type(0);
  if (element == nullptr) return nullptr;
  if (element->stripped()->kind() == value::TypeKind::boolean) return make_bits(type, element);
  const auto size = size_of(element);
  const auto start = find_any_field(type, {{"_M_impl", "_M_start"}, {"__begin_"}});
  const auto finish = find_any_field(type, {{"_M_impl", "_M_finish"}, {"__end_"}});
  auto storage = find_any_field(type, {{"_M_impl", "_M_end_of_storage"}, {"__cap_"}});
  if (!storage) storage = find_first_of_pair(type, {"__end_cap_"});
  if (!start || !finish || !storage || !size || *size == 0) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = start->number(value);
    const auto last = finish->number(value);
    const auto end = storage->number(value);
    if (!first) return tl::unexpected(first.error());
    if (!last || !end) return tl::unexpected((!last ? last : end).error());
    if (*last < *first) return corrupt("the end lies before the start");
    if (*end < *last) return corrupt("the capacity ends before the end");
    if (*first == 0 && *last != 0) return corrupt("it starts at 0");
    if ((*last - *first) % *size != 0 || (*end - *first) % *size != 0)
      return corrupt("its length is no multiple of the {} bytes of an element", *size);
    const uint64_t count = (*last - *first) / *size;
    if (is_impossible(count, *size)) return corrupt("its length of {} is impossible", count);
    return present_list(
        fmt::format("std::vector of length {}, capacity {}", count, (*end - *first) / *size), count,
        value.target(), element, addresses_in_row(value.target(), Addr{*first}, count, *size));
  });
}

}  // namespace clew::lang::cpp
