#include "lang/own_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/printable.h"
#include "base/regular_expression.h"
#include "lang/arithmetic.h"

namespace clew::lang {
namespace {

using value::Text;
using value::Type;
using value::TypeKind;
using value::Value;

/// A text without an end is cut there, and so is what is compared.
constexpr uint64_t most_text_bytes = 1 << 20;
/// Memory may end anywhere behind the end of a text: no more is asked for at once.
constexpr uint64_t text_block = 256;

Result<std::string> read_text_bytes(value::Target& target, Addr start, uint64_t length,
                                    bool to_zero) {
  std::string text;
  while (text.size() < length) {
    const Addr at = start + text.size();
    std::array<char, text_block> bytes;
    const size_t count =
        std::min<uint64_t>(text_block - at.value % text_block, length - text.size());
    const auto read =
        target.memory().read_memory(at, std::as_writable_bytes(std::span(bytes)).first(count));
    if (!read) return tl::unexpected(read.error());
    const char* const end = bytes.data() + *read;
    const char* const zero = to_zero ? std::find(std::as_const(bytes).data(), end, '\0') : end;
    text.append(std::as_const(bytes).data(), zero);
    if (zero != end) return text;
    if (*read < count)
      return fail(ErrorCode::fault,
                  fmt::format("memory at {:#x} cannot be read", (at + *read).value));
  }
  return text;
}

bool is_text_byte(const Type* type) {
  const Type* const plain = type->stripped();
  return plain->size() == 1U &&
         (plain->kind() == TypeKind::character || plain->kind() == TypeKind::integer);
}

Result<std::string> text_meant_by(Environment& environment, const Value& given, int depth = 0) {
  constexpr int deepest = 4;  // stand-ins of stand-ins: a Box of a String
  const auto object = given.referred();
  if (!object) return tl::unexpected(object.error());
  value::Target& target = environment.target();
  const Type* const type = object->type()->stripped();
  if (type->kind() == TypeKind::array && is_text_byte(type->target())) {
    const auto bytes = object->bytes();
    if (!bytes) return tl::unexpected(bytes.error());
    const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    return text.substr(0, text.find('\0'));
  }
  if (type->is_pointer() && is_text_byte(type->target())) {
    const auto at = object->as_address();
    if (!at) return tl::unexpected(at.error());
    return read_text_bytes(target, *at, most_text_bytes, true);
  }
  if (const value::Printer* const printer = environment.printers().find(type)) {
    const auto shown = printer->present(*object);
    if (!shown) return tl::unexpected(shown.error());
    if (shown->stand_in && depth < deepest)
      return text_meant_by(environment, *shown->stand_in, depth + 1);
    const bool is_bytes = shown->text && (shown->text->encoding == Text::Encoding::bytes ||
                                          shown->text->encoding == Text::Encoding::utf8);
    if (is_bytes) {
      return read_text_bytes(target, shown->text->start,
                             std::min(shown->text->length, most_text_bytes),
                             shown->text->ends_at_zero);
    }
  }
  return fail(ErrorCode::bad_request,
              fmt::format("{} is no text",
                          object->type()->full_name().empty()
                              ? "this"
                              : "a value of type " + printable(object->type()->full_name())));
}

class OwnCall {
 public:
  OwnCall(Environment& environment, std::span<const Value> arguments)
      : environment_(environment),
        arithmetic_(environment.target(), environment.language()),
        arguments_(arguments) {}

  Result<Value> length() {
    const auto text = text_meant_by(environment_, arguments_[0]);
    if (!text) return tl::unexpected(text.error());
    return arithmetic_.number(arithmetic_.signed_type(4), text->size());
  }
  Result<Value> is_same_text() {
    const auto a = text_meant_by(environment_, arguments_[0]);
    if (!a) return tl::unexpected(a.error());
    const auto b = text_meant_by(environment_, arguments_[1]);
    if (!b) return tl::unexpected(b.error());
    return truth(*a == *b);
  }
  Result<Value> matches() {
    const auto text = text_meant_by(environment_, arguments_[0]);
    if (!text) return tl::unexpected(text.error());
    const auto expression = text_meant_by(environment_, arguments_[1]);
    if (!expression) return tl::unexpected(expression.error());
    const auto compiled = RegularExpression::compile(*expression);
    if (!compiled) return tl::unexpected(compiled.error());
    return truth((*compiled)->matches(*text));
  }
  Result<Value> is_same_memory() {
    const auto count = arguments_[2].as_signed();
    if (!count) return tl::unexpected(count.error());
    if (*count < 0 || static_cast<uint64_t>(*count) > most_text_bytes) {
      return fail(ErrorCode::bad_request, fmt::format("{} bytes cannot be compared: from 0 to {}",
                                                      *count, most_text_bytes));
    }
    std::array<std::string, 2> parts;
    for (size_t i = 0; i < parts.size(); ++i) {
      auto pointer = arithmetic_.decayed(arguments_[i]);
      if (!pointer) return pointer;
      const auto at = pointer->as_address();
      if (!at) return tl::unexpected(at.error());
      auto bytes = read_text_bytes(environment_.target(), *at, static_cast<uint64_t>(*count),
                                   /*to_zero=*/false);
      if (!bytes) return tl::unexpected(bytes.error());
      parts[i] = std::move(*bytes);
    }
    return truth(parts[0] == parts[1]);
  }
  Result<Value> is_void() {
    return truth(arguments_[0].type()->stripped()->kind() == TypeKind::nothing);
  }

 private:
  Result<Value> truth(bool value) const {
    return arithmetic_.number(arithmetic_.signed_type(4), value ? 1 : 0);
  }

  Environment& environment_;
  Arithmetic arithmetic_;
  std::span<const Value> arguments_;
};

struct OwnFunction {
  std::string_view name;
  size_t arguments;
  Result<Value> (OwnCall::*run)();
};

constexpr std::array own_functions{OwnFunction{"$_strlen", 1, &OwnCall::length},
                                   OwnFunction{"$_streq", 2, &OwnCall::is_same_text},
                                   OwnFunction{"$_regex", 2, &OwnCall::matches},
                                   OwnFunction{"$_memeq", 3, &OwnCall::is_same_memory},
                                   OwnFunction{"$_isvoid", 1, &OwnCall::is_void}};

const OwnFunction* find_own(std::string_view name) {
  const auto* const found = std::find_if(own_functions.begin(), own_functions.end(),
                                         [&](const OwnFunction& one) { return one.name == name; });
  return found == own_functions.end() ? nullptr : found;
}

}  // namespace

Result<std::string> text_of(Environment& environment, const Value& value) {
  return text_meant_by(environment, value);
}

bool is_own_function(std::string_view name) { return find_own(name) != nullptr; }

std::optional<Result<Value>> call_own_function(Environment& environment, const std::string& name,
                                               std::span<const Value> arguments) {
  const OwnFunction* const found = find_own(name);
  if (found == nullptr) return std::nullopt;
  if (arguments.size() != found->arguments) {
    return Result<Value>(fail(ErrorCode::bad_request,
                              fmt::format("{} takes {} argument{}, not {}", name, found->arguments,
                                          found->arguments == 1 ? "" : "s", arguments.size())));
  }
  OwnCall call(environment, arguments);
  return (call.*found->run)();
}

}  // namespace clew::lang
