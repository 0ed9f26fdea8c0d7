// The parts of an expression that mean something else in Go than in other languages.

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/evaluator.h"

namespace clew::lang {

/// @return nullopt for what is the same in all languages.
std::optional<Result<value::Value>> Evaluator::go(const Node& node) {
  switch (node.kind) {
    case NodeKind::integer:
      if (node.suffix == "i") return go_.imaginary(static_cast<long double>(node.number));
      return go_.integer(node.number);
    case NodeKind::floating:
      return node.suffix == "i" ? go_.imaginary(node.floating) : go_.floating(node.floating);
    case NodeKind::character:
      return go_.rune(node.number);
    case NodeKind::string:
      return go_.string(node.text);
    case NodeKind::null_pointer:
      return go_.nil();
    case NodeKind::unary:
      return go_unary(node);
    case NodeKind::binary:
      return go_binary(node);
    case NodeKind::cast:
    case NodeKind::assertion:
      return go_converted(node);
    case NodeKind::member:
      return go_member(node);
    case NodeKind::index:
    case NodeKind::slice:
      return go_part(node);
    case NodeKind::call:
      return go_call(node);
    case NodeKind::composite: {
      const auto literal = go_literal(node);
      return literal ? go_.value_of(*literal) : tl::unexpected(literal.error());
    }
    default:
      return std::nullopt;
  }
}

std::optional<Result<value::Value>> Evaluator::go_unary(const Node& node) {
  if (node.op == Op::post_increment || node.op == Op::post_decrement) return std::nullopt;
  const auto operand = evaluate(*node.parts[0]);
  return operand ? go_.unary(node.op, *operand) : operand;
}

std::optional<Result<value::Value>> Evaluator::go_binary(const Node& node) {
  if (node.op == Op::repeat) return std::nullopt;
  if (node.op == Op::equal || node.op == Op::not_equal) {
    for (const size_t i : {1, 0}) {
      if (node.parts[i]->kind != NodeKind::composite) continue;
      const auto literal = go_literal(*node.parts[i]);
      if (!literal) return Result<Value>(tl::unexpected(literal.error()));
      const auto other = evaluate(*node.parts[1 - i]);
      if (!other) return other;
      const auto same = go_.equal(*other, *literal);
      if (!same) return Result<Value>(tl::unexpected(same.error()));
      return go_.boolean(*same == (node.op == Op::equal));
    }
  }
  const auto left = evaluate(*node.parts[0]);
  if (!left) return left;
  if (node.op != Op::logic_and && node.op != Op::logic_or) {
    const auto right = evaluate(*node.parts[1]);
    return right ? go_.binary(node.op, *left, *right) : right;
  }
  auto is_true = go_.truth(*left);
  if (is_true && *is_true == (node.op == Op::logic_and)) {
    const auto right = evaluate(*node.parts[1]);
    if (!right) return right;
    is_true = go_.truth(*right);
  }
  if (!is_true) return Result<Value>(tl::unexpected(is_true.error()));
  return go_.boolean(*is_true);
}

Result<value::Value> Evaluator::go_converted(const Node& node) {
  const auto type = this->type(*node.type);
  if (!type) return tl::unexpected(type.error());
  auto operand = evaluate(*node.parts[0]);
  if (!operand) return operand;
  return node.kind == NodeKind::assertion ? go_.asserted(*operand, *type)
                                          : go_.converted(*operand, *type);
}

/// a.b is a field, or what package a has under the name b. Variables come first: they can have a
/// package's name. Functions have no fields, but package main has one of its own name.
Result<value::Value> Evaluator::go_member(const Node& node) {
  const Node& left = *node.parts[0];
  if (left.kind != NodeKind::name) {
    const auto object = evaluate(left);
    return object ? go_.field(*object, node.text) : object;
  }
  const auto object = environment_.variable(left.text, left.file);
  if (object && object->type()->stripped()->kind() != value::TypeKind::function)
    return go_.field(*object, node.text);
  const std::string whole = left.text + "." + node.text;
  auto found = environment_.variable(whole, {});
  if (found || found.error().code != ErrorCode::not_found) return found;
  if (environment_.classify(whole) == NameClass::type)
    return fail(ErrorCode::bad_request, fmt::format("{} is a type, not a value", printable(whole)));
  return found;
}

Result<value::Value> Evaluator::go_part(const Node& node) {
  auto object = evaluate(*node.parts[0]);
  if (!object) return object;
  if (node.kind == NodeKind::index) {
    if (node.parts[1]->kind == NodeKind::composite) {
      const auto key = go_literal(*node.parts[1]);
      return key ? go_.element(*object, *key) : tl::unexpected(key.error());
    }
    const auto index = evaluate(*node.parts[1]);
    return index ? go_.element(*object, *index) : index;
  }
  GoRules::Ends ends;
  const std::pair<size_t, std::optional<Value>*> places[] = {
      {1, &ends.low}, {2, &ends.high}, {3, &ends.most}};
  for (const auto& [part, end] : places) {
    if (part >= node.parts.size() || node.parts[part] == nullptr) continue;
    auto value = evaluate(*node.parts[part]);
    if (!value) return value;
    *end = std::move(*value);
  }
  return go_.slice(*object, ends);
}

std::optional<Result<value::Value>> Evaluator::go_call(const Node& node) {
  const Node& function = *node.parts[0];
  if (function.kind != NodeKind::name) return std::nullopt;
  const std::string& name = function.text;
  if (name != "len" && name != "cap" && name != "real" && name != "imag") return std::nullopt;
  std::vector<Value> arguments;
  for (size_t i = 1; i < node.parts.size(); ++i) {
    auto argument = evaluate(*node.parts[i]);
    if (!argument) return argument;
    arguments.push_back(std::move(*argument));
  }
  return go_.builtin(name, arguments);
}

}  // namespace clew::lang
