#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lang/arithmetic.h"
#include "lang/environment.h"

namespace clew::lang {

/// What the operators, conversions and selectors of Go make of values (The Go Programming Language
/// Specification). Constants have no type until they meet one that has: here they are of types that
/// are called "untyped int" and so on, wide enough to be exact.
///
/// Where a debugger can do more than Go without being wrong, it does: what is in an interface is
/// found without an assertion, and any number is made a pointer.
class GoRules {
 public:
  explicit GoRules(Environment& environment)
      : environment_(environment),
        target_(environment.target()),
        arithmetic_(environment.target(), Language::go) {}

  value::Value integer(uint64_t number) const;
  value::Value rune(uint64_t number) const;
  value::Value floating(long double number) const;
  value::Value imaginary(long double number) const;
  value::Value string(const std::string& text) const;
  value::Value boolean(bool value) const;
  value::Value nil() const;
  /// A constant as the type that it has when nothing says otherwise: int, rune, float64.
  value::Value with_type(const value::Value& value) const;
  /// The type of that; of the text of a constant `string`.
  const value::Type* type_of(const value::Value& value) const;

  /// Errors of all these calls are bad_request for what makes no sense, not_found for names, fault
  /// where Go would panic, unavailable for what was optimised out, and what reading memory gives.
  Result<value::Value> unary(Op op, const value::Value& operand);
  Result<value::Value> binary(Op op, const value::Value& left, const value::Value& right);
  Result<value::Value> converted(const value::Value& value, const value::Type* type);
  /// What can be assigned to a variable of the type.
  Result<value::Value> assignable(const value::Value& value, const value::Type* type);
  Result<bool> truth(const value::Value& value) const;

  Result<value::Value> field(const value::Value& object, const std::string& name);
  Result<value::Value> element(const value::Value& object, const value::Value& index);
  /// Ends that were left out are nullopt.
  struct Ends {
    std::optional<value::Value> low, high, most;
  };
  Result<value::Value> slice(const value::Value& object, const Ends& ends);
  /// A composite literal. Its parts stay as they are, since the text of a string has no place in
  /// the program's memory: it can be compared, and is a value where it holds no text.
  struct Literal {
    const value::Type* type = nullptr;
    std::optional<value::Value> value;  ///< of a part that is no literal itself
    std::map<uint64_t, Literal> parts;  ///< by the number of the field or element; others are zero
  };
  Result<bool> equal(const value::Value& operand, const Literal& literal, int depth = 0);
  Result<value::Value> value_of(const Literal& literal);
  /// Of a map, by its key.
  Result<value::Value> element(const value::Value& object, const Literal& key);
  /// An index: a whole number that is not too large.
  Result<int64_t> number_of(const value::Value& index) const;
  Result<value::Value> asserted(const value::Value& object, const value::Type* type);
  /// len, cap, real, imag, complex. @return nullopt for other names.
  std::optional<Result<value::Value>> builtin(const std::string& name,
                                              const std::vector<value::Value>& arguments);

  /// A type by what was typed: made of others where the program has no such type.
  Result<const value::Type*> type(const TypeName& name);

 private:
  using Value = value::Value;
  using Type = value::Type;

  Result<Value> usable(const Value& value) const;
  const Type* untyped(std::string_view what) const;
  Result<Value> constant_as(const Value& constant, const Type* type) const;
  Result<Value> nil_as(const Type* type) const;
  /// Brings two operands to one type.
  Status match(Op op, Value& left, Value& right);
  Result<Value> shift(Op op, const Value& left, const Value& right);
  Result<Value> compare_strings(Op op, const Value& left, const Value& right) const;
  Result<Value> complex_binary(Op op, const Value& left, const Value& right) const;
  Result<bool> equal(const Value& left, const Value& right, int depth);
  Result<bool> equal_interfaces(const Value& left, const Value& right, int depth);
  Result<Value> address_of(const Value& value) const;
  Result<Value> dereferenced(const Value& value) const;
  Result<Value> string_of(const Value& value) const;
  /// What an interface holds; nullopt when it is nil or `value` is no interface.
  Result<std::optional<Value>> dynamic(const Value& value) const;
  Result<Value> indexed(const Value& operand) const;
  Result<Value> map_element(const Value& map,
                            const std::function<Result<bool>(const Value& key)>& is_wanted);
  Result<const Type*> with_step(const Type* type, const TypeStep& step);
  const Type* named(const std::string& name) const;

  Environment& environment_;
  value::Target& target_;
  Arithmetic arithmetic_;
};

// What a type is to Go's rules.

bool is_untyped(const value::Type* type);
/// The text of constants too.
bool is_go_string(const value::Type* type);
bool is_go_interface(const value::Type* type);

/// A type as users know it: "untyped string" for the text of a constant.
std::string go_type_text(const value::Type* type);

/// What makes no sense in Go.
template <typename... Args>
tl::unexpected<Error> no_go(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::bad_request, fmt::format(format, std::forward<Args>(args)...));
}

/// What depends on values and not on what was typed: where Go would panic. It is no bad_request,
/// since at another time the same expression can be right (a breakpoint's condition).
template <typename... Args>
tl::unexpected<Error> go_panic(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::fault, fmt::format(format, std::forward<Args>(args)...));
}

/// The bytes of a string, up to some megabytes. @return fault for larger ones.
Result<std::string> go_text(const value::Value& string);

}  // namespace clew::lang
