#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lang/environment.h"

namespace clew::lang {

/// An expression that has been read: evaluated as often as one likes. Errors of all these calls are
/// bad_request for what makes no sense, not_found for names, and whatever reading the target gives;
/// their text shows where in the expression.
class Expression {
 public:
  /// Names are only asked where the reading depends on what they mean. `type_allowed`: it may be a
  /// type as well.
  static Result<Expression> parse(std::string_view text, Language language,
                                  const Classifier& classify, bool type_allowed = false);

  const std::string& text() const { return text_; }
  bool is_type() const { return parsed_.type != nullptr; }
  /// True when a function of the program would be called.
  bool has_call() const;

  /// Assignments in it are made.
  Result<value::Value> evaluate(Environment& environment) const;
  /// The type of its value, or the type that it is. Nothing is changed, and memory is read only
  /// where a type depends on it.
  Result<const value::Type*> type(Environment& environment) const;

 private:
  Expression(std::string text, Language language) : text_(std::move(text)), language_(language) {}
  Error pointed(const Error& error, size_t column) const;

  std::string text_;
  Language language_;
  Parsed parsed_;
};

/// Reads and evaluates in the environment's language.
Result<value::Value> evaluate(std::string_view text, Environment& environment);

/// What an address or count is taken from: a number, a pointer, an array or function (where it
/// is). @return bad_request for others.
Result<uint64_t> number_of(const value::Value& value);

}  // namespace clew::lang
