#pragma once

#include "lang/language.h"
#include "lang/syntax_tree.h"
#include "value/value.h"

namespace clew::lang {

/// The types of a language that need no debug information, and what its operators make of numbers.
/// Nothing here is undefined: what overflows wraps, a shift by too much gives 0 (or the sign), a
/// division by zero is an error.
class Arithmetic {
 public:
  Arithmetic(value::Target& target, Language language) : target_(target), language_(language) {}

  const value::Type* signed_type(uint64_t size) const;
  const value::Type* unsigned_type(uint64_t size) const;
  const value::Type* boolean() const;
  const value::Type* character() const;
  const value::Type* floating(uint64_t size) const;
  /// What comparisons give: int in C.
  const value::Type* truth() const;
  /// What sizes and differences of pointers have.
  const value::Type* size_type() const;
  const value::Type* difference_type() const;
  /// By its name: "unsigned long", "u8". @return nullptr when the language has no such type.
  const value::Type* by_name(std::string_view name) const;

  value::Value truth(bool value) const;
  value::Value number(const value::Type* type, uint64_t number) const {
    return value::Value::of_number(target_, type, number);
  }

  /// Operands are what conversions leave alone: numbers and pointers. @return bad_request.
  Result<value::Value> binary(Op op, const value::Value& left, const value::Value& right) const;
  Result<value::Value> unary(Op op, const value::Value& operand) const;
  /// Arrays and functions become pointers, references what they refer to; the rest stays.
  Result<value::Value> decayed(const value::Value& value) const;

 private:
  const value::Type* promoted(const value::Value& value) const;
  const value::Type* common(const value::Type* left, const value::Type* right) const;
  Result<value::Value> pointer_binary(Op op, const value::Value& left,
                                      const value::Value& right) const;
  Result<value::Value> moved(const value::Value& pointer, const value::Value& count,
                             bool backwards) const;
  Result<value::Value> floating_binary(Op op, const value::Type* type, long double left,
                                       long double right) const;
  Result<value::Value> integer_binary(Op op, const value::Value& left,
                                      const value::Value& right) const;

  value::Target& target_;
  Language language_;
};

bool is_comparison(Op op);
std::string_view op_text(Op op);

}  // namespace clew::lang
