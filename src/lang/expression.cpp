#include "lang/expression.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "lang/evaluator.h"
#include "lang/own_functions.h"
#include "lang/wide.h"
#include "value/type_text.h"

namespace clew::lang {
namespace {

/// The error with the expression below it and a mark under the place.
Error marked(const Error& error, std::string_view text, size_t column) {
  // A single word needs no finger on it.
  if (text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$") ==
          text.npos ||
      error.text.find('\n') != std::string::npos) {
    return error;
  }
  // Long ones are cut to what is around the place.
  constexpr size_t before = 60;
  constexpr size_t most = 100;
  const size_t from = column > before ? column - before : 0;
  const std::string shown = printable(text.substr(from, most));
  const size_t at = printable(text.substr(from, column - from)).size();
  return Error(error.code, error.sys_errno,
               fmt::format("{}\n  {}\n  {:>{}}", error.text, shown, "^", at + 1));
}

bool has_call_in(const Node& node) {
  const bool is_call = node.kind == NodeKind::call;
  const bool is_own =
      is_call && node.parts[0]->kind == NodeKind::dollar && is_own_function(node.parts[0]->text);
  return (is_call && !is_own) ||
         std::any_of(node.parts.begin(), node.parts.end(),
                     [](const NodePtr& part) { return part != nullptr && has_call_in(*part); });
}

}  // namespace

bool Expression::has_call() const {
  return parsed_.expression != nullptr && has_call_in(*parsed_.expression);
}

Result<Expression> Expression::parse(std::string_view text, Language language,
                                     const Classifier& classify, bool type_allowed) {
  Expression expression(std::string(text), language);
  auto parsed = parse_expression(text, language, classify, type_allowed);
  if (!parsed) return tl::unexpected(marked(parsed.error().error, text, parsed.error().column));
  expression.parsed_ = std::move(*parsed);
  return expression;
}

Error Expression::pointed(const Error& error, size_t column) const {
  return marked(error, text_, column);
}

Result<value::Value> Expression::evaluate(Environment& environment) const {
  if (is_type()) {
    return fail(ErrorCode::bad_request, fmt::format("{} is a type, not a value", printable(text_)));
  }
  Evaluator evaluator(environment, language_, true);
  auto result = evaluator.evaluate(*parsed_.expression);
  if (!result) return tl::unexpected(pointed(result.error(), evaluator.column()));
  if (language_ == Language::go) return GoRules(environment).with_type(*result);
  return result;
}

Result<const value::Type*> Expression::type(Environment& environment) const {
  Evaluator evaluator(environment, language_, false);
  if (is_type()) {
    auto found = evaluator.type(*parsed_.type);
    if (!found) return tl::unexpected(pointed(found.error(), evaluator.column()));
    return found;
  }
  auto result = evaluator.evaluate(*parsed_.expression);
  if (!result) return tl::unexpected(pointed(result.error(), evaluator.column()));
  if (language_ == Language::go) return GoRules(environment).type_of(*result);
  return result->type();
}

Result<value::Value> evaluate(std::string_view text, Environment& environment) {
  const auto expression =
      Expression::parse(text, environment.language(),
                        [&](const std::string& name) { return environment.classify(name); });
  if (!expression) return tl::unexpected(expression.error());
  return expression->evaluate(environment);
}

Result<uint64_t> number_of(const value::Value& value) {
  const auto object = value.referred();
  if (!object) return tl::unexpected(object.error());
  if (object->is_absent()) return fail(ErrorCode::unavailable, object->absence());
  const auto number = wide_of(*object);
  if (!number) return tl::unexpected(number.error());
  return static_cast<uint64_t>(*number);
}

}  // namespace clew::lang
