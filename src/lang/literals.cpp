// What stands for itself in an expression: numbers, characters, strings.

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/conversion.h"
#include "lang/evaluator.h"
#include "value/made_types.h"

namespace clew::lang {

using value::TypeKind;

namespace {

/// What a text in UTF-8 is made of; bytes that are none stand for themselves.
std::vector<uint32_t> characters_of(std::string_view text) {
  std::vector<uint32_t> characters;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t length = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t character = length == 1 ? lead : lead & (0x7fU >> length);
    size_t taken = 1;
    for (; taken < length && at + taken < text.size(); ++taken) {
      const auto byte = static_cast<unsigned char>(text[at + taken]);
      if ((byte & 0xc0) != 0x80) break;
      character = character << 6 | (byte & 0x3fU);
    }
    characters.push_back(taken == length ? character : lead);
    at += taken == length ? length : 1;
  }
  return characters;
}
}  // namespace

Result<value::Value> Evaluator::integer(const Node& node) const {
  bool is_unsigned = false;
  int longs = 0;
  for (const char c : node.suffix) {
    if (c == 'u' || c == 'U') {
      is_unsigned = true;
    } else if (c == 'l' || c == 'L') {
      ++longs;
    } else {
      return fail(ErrorCode::bad_request,
                  fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
    }
  }
  // C11, 6.4.4.1: the first type that the number fits in.
  const uint64_t number = node.number;
  const bool may_be_unsigned = is_unsigned || !node.is_decimal;
  if (longs == 0 && !is_unsigned && number <= INT32_MAX)
    return arithmetic_.number(arithmetic_.signed_type(4), number);
  if (longs == 0 && may_be_unsigned && number <= UINT32_MAX)
    return arithmetic_.number(arithmetic_.unsigned_type(4), number);
  const bool fits = number <= INT64_MAX && !is_unsigned;
  const std::string_view name =
      longs < 2 ? (fits ? "long" : "unsigned long") : (fits ? "long long" : "unsigned long long");
  return arithmetic_.number(arithmetic_.by_name(name), number);
}

Result<value::Value> Evaluator::rust_integer(const Node& node) const {
  if (!node.suffix.empty()) {
    const Type* const type = arithmetic_.by_name(node.suffix);
    if (type == nullptr || !type->is_scalar()) {
      return fail(ErrorCode::bad_request,
                  fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
    }
    return type->kind() == TypeKind::floating
               ? Value::of_floating(environment_.target(), type,
                                    static_cast<long double>(node.number))
               : arithmetic_.number(type, node.number);
  }
  const Type* const type = node.number <= INT32_MAX   ? arithmetic_.signed_type(4)
                           : node.number <= INT64_MAX ? arithmetic_.signed_type(8)
                                                      : arithmetic_.unsigned_type(8);
  return arithmetic_.number(type, node.number);
}

Result<value::Value> Evaluator::floating(const Node& node) const {
  uint64_t size = 8;
  if (node.suffix == "f" || node.suffix == "F" || node.suffix == "f32") size = 4;
  if (node.suffix == "l" || node.suffix == "L") size = 16;
  if (size == 8 && !node.suffix.empty() && node.suffix != "f64") {
    return fail(ErrorCode::bad_request,
                fmt::format("a number has no suffix \"{}\"", printable(node.suffix)));
  }
  return Value::of_floating(environment_.target(), arithmetic_.floating(size), node.floating);
}

Result<value::Value> Evaluator::character(const Node& node) const {
  const Type* type = arithmetic_.character();
  if (node.suffix == "L") type = arithmetic_.by_name("wchar_t");
  if (node.suffix == "u") type = arithmetic_.by_name("char16_t");
  if (node.suffix == "U") type = arithmetic_.by_name("char32_t");
  if (node.suffix == "b") type = arithmetic_.unsigned_type(1);
  if (type == nullptr) return fail(ErrorCode::bad_request, "this language has no such characters");
  return arithmetic_.number(type, node.number);
}

Result<value::Value> Evaluator::string(const Node& node) const {
  if (node.suffix == "L" || node.suffix == "u" || node.suffix == "U") return wide_string(node);
  const Type* const element =
      language_ == Language::rust ? arithmetic_.unsigned_type(1) : arithmetic_.character();
  const Bytes bytes = std::as_bytes(std::span(node.text.data(), node.text.size() + 1));
  const size_t count = bytes.size() - (language_ == Language::rust ? 1 : 0);
  return Value::of_bytes(environment_.target(),
                         environment_.target().types().array_of(element, count),
                         {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count)});
}

Result<value::Value> Evaluator::wide_string(const Node& node) const {
  const Type* const element = arithmetic_.by_name(node.suffix == "L"   ? "wchar_t"
                                                  : node.suffix == "u" ? "char16_t"
                                                                       : "char32_t");
  if (element == nullptr)
    return fail(ErrorCode::bad_request, "this language has no such characters");
  const size_t size = element->size().value_or(4);
  std::vector<std::byte> bytes;
  const auto add = [&](uint32_t unit) {
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(unit >> (8 * i)));
  };
  size_t count = 1;
  for (const uint32_t character : characters_of(node.text)) {
    const bool is_pair = size == 2 && character >= 0x10000;
    if (is_pair) add(0xd800 + ((character - 0x10000) >> 10));
    add(is_pair ? 0xdc00 + ((character - 0x10000) & 0x3ff) : character);
    count += is_pair ? 2 : 1;
  }
  add(0);
  value::Types& types = environment_.target().types();
  return Value::of_bytes(environment_.target(), types.array_of(element, count), std::move(bytes));
}
}  // namespace clew::lang
