// Elements in a row: std::array, std::span, std::initializer_list, std::bitset.

#include "lang/cpp/families.h"
#include "value/types.h"

namespace clew::lang::cpp {
namespace {

/// Elements from a pointer on.
Result<Presentation> present_row(std::string_view name, const Value& value, const Type* element,
                                 Result<uint64_t> start, Result<uint64_t> count) {
  if (!start) return tl::unexpected(start.error());
  if (!count) return tl::unexpected(count.error());
  const uint64_t size = size_of(element).value_or(0);
  if (is_impossible(*count, size)) return corrupt("its length of {} is impossible", *count);
  return present_list(fmt::format("{} of length {}", name, *count), *count, value.target(), element,
                      addresses_in_row(value.target(), Addr{*start}, *count, size));
}

}  // namespace

std::unique_ptr<Printer> make_array(const Type* type, std::string_view) {
  const auto elements = find_any_field(type, {{"_M_elems"}, {"__elems_"}});
  if (!elements) return nullptr;
  const auto arguments = type->template_arguments();
  const bool is_empty = arguments.size() > 1 && arguments[1].value && *arguments[1].value == 0;
  if (is_empty || elements->type->stripped()->kind() != value::TypeKind::array) {
    // One without elements has something else in their place.
    return make_printer(
        [](const Value&) -> Result<Presentation> { return present_children({}, Shape::list, {}); });
  }
  return make_printer([elements = *elements](const Value& value) -> Result<Presentation> {
    return present_stand_in(elements.of(value));
  });
}

std::unique_ptr<Printer> make_span(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  const auto start = find_any_field(type, {{"_M_ptr"}, {"__data_"}, {"__data"}});
  const auto size =
      find_any_field(type, {{"_M_extent", "_M_extent_value"}, {"__size_"}, {"__size"}});
  if (element == nullptr || !size_of(element) || !start) return nullptr;
  if (size) {
    return make_printer([=](const Value& value) {
      return present_row(name, value, element, start->number(value), size->number(value));
    });
  }
  const auto arguments = type->template_arguments();
  if (arguments.size() < 2 || !arguments[1].value) return nullptr;
  const auto extent = static_cast<uint64_t>(*arguments[1].value);
  return make_printer([=](const Value& value) {
    return present_row(name, value, element, start->number(value), extent);
  });
}

std::unique_ptr<Printer> make_initializer_list(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  const auto start = find_any_field(type, {{"_M_array"}, {"__begin_"}});
  const auto size = find_any_field(type, {{"_M_len"}, {"__size_"}});
  if (element == nullptr || !size_of(element) || !start || !size) return nullptr;
  return make_printer([=](const Value& value) {
    return present_row(name, value, element, start->number(value), size->number(value));
  });
}

std::unique_ptr<Printer> make_bitset(const Type* type, std::string_view) {
  const auto arguments = type->template_arguments();
  if (arguments.empty() || !arguments[0].value) return nullptr;
  const auto count = static_cast<uint64_t>(*arguments[0].value);
  const auto words = find_any_field(type, {{"_M_w"}, {"__first_"}});
  if (!words && count != 0) return nullptr;
  if (words && size_of(words->type).value_or(0) < (count + 7) / 8) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    // The numbers of the bits that are set, as gdb has them.
    Presentation presentation;
    presentation.summary = "std::bitset";
    presentation.shape = Shape::fields;
    presentation.next = [count, words, value,
                         index = uint64_t{0}]() mutable -> Result<std::optional<Child>> {
      for (; index < count; ++index) {
        const auto byte = words->of(value).read<uint8_t>(index / 8);
        if (!byte) return tl::unexpected(byte.error());
        if ((*byte >> (index % 8) & 1) == 0) continue;
        const Type* const number =
            value.target().types().base("int", value::TypeKind::integer, sizeof(int), true);
        Child child{fmt::format("[{}]", index), std::nullopt,
                    Value::of_number(value.target(), number, 1)};
        ++index;
        return child;
      }
      return std::nullopt;
    };
    return presentation;
  });
}

}  // namespace clew::lang::cpp
