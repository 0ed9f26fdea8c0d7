#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lang/arithmetic.h"
#include "lang/environment.h"
#include "lang/go_rules.h"

namespace clew::lang {

/// Walks a tree. The first problem keeps its column.
class Evaluator {
 public:
  /// `changes`: assignments are made; otherwise only the types count.
  Evaluator(Environment& environment, Language language, bool changes)
      : environment_(environment),
        language_(language),
        arithmetic_(environment.target(), language),
        go_(environment),
        changes_(changes) {}

  Result<value::Value> evaluate(const Node& node);
  Result<const value::Type*> type(const TypeName& name);
  /// Of the first problem.
  size_t column() const { return column_.value_or(0); }

 private:
  using Value = value::Value;
  using Type = value::Type;

  /// Of one array that is made at the prompt.
  static constexpr int64_t most_elements = int64_t{1} << 32;

  Result<Value> dispatch(const Node& node);
  std::optional<Result<Value>> go(const Node& node);
  std::optional<Result<Value>> go_unary(const Node& node);
  std::optional<Result<Value>> go_binary(const Node& node);
  std::optional<Result<Value>> go_call(const Node& node);
  Result<Value> go_converted(const Node& node);
  Result<Value> go_member(const Node& node);
  Result<Value> go_part(const Node& node);
  /// With the type that is expected where it may be left out.
  Result<GoRules::Literal> go_literal(const Node& node, const Type* expected = nullptr);
  Result<GoRules::Literal> go_literal_part(const Node& node, const Type* type);
  Result<uint64_t> go_literal_key(const Node& key, const Type* type);
  // What stands for itself (literals.cpp).
  Result<Value> integer(const Node& node) const;
  Result<Value> rust_integer(const Node& node) const;
  Result<Value> floating(const Node& node) const;
  Result<Value> character(const Node& node) const;
  Result<Value> string(const Node& node) const;
  Result<Value> wide_string(const Node& node) const;
  // Operators.
  Result<Value> name(const Node& node);
  Result<Value> unary(const Node& node);
  Result<Value> dereference(const Value& value);
  Result<Value> address_of(const Value& value);
  Result<Value> stepped(const Node& node, const Value& operand);
  Result<Value> binary(const Node& node);
  Result<Value> logic(const Node& node);
  Result<Value> repeated(const Value& first, const Value& count);
  Result<Value> conditional(const Node& node);
  Result<Value> assign(const Node& node);
  Result<Value> assign_dollar(const Node& target, const Value& value);
  Result<Value> store(const Value& target, const Value& value);
  Result<Value> cast(const Node& node);
  Result<Value> size_of(const Node& node);
  Result<Value> type_id(const Node& node);
  // Parts (access.cpp).
  Result<Value> member(const Node& node);
  Result<Value> member_of(const Value& object, const std::string& name);
  Result<Value> rust_member(const Value& object, const std::string& name);
  Result<Value> index(const Node& node);
  Result<Value> element(const Value& array, int64_t index);
  Result<Value> slice(const Node& node);
  Result<Value> slice_of(const Value& array, int64_t first, int64_t count);
  /// What `value` holds by its printer: the n-th of a list, or what a smart pointer's get() gives.
  std::optional<Result<Value>> presented_element(const Value& value, uint64_t index);
  /// Of a map, by its printer.
  bool has_keys(const Value& value);
  std::optional<Value> held_pointer(const Value& value);
  // Calls (call.cpp).
  struct Callee {
    Value function;
    std::optional<Value> self;  ///< a pointer to the object; Rust's may be the object
  };
  Result<Value> call(const Node& node);
  static std::span<const value::Parameter> parameters_of(const Callee& callee);
  Result<std::vector<Callee>> callees(const Node& node);
  Result<std::vector<Callee>> functions_named(const Node& node);
  Result<std::vector<Callee>> methods_of(const Node& node);
  Result<std::vector<Callee>> methods_named(const Value& object, const std::string& name,
                                            bool as_declared);
  Result<std::vector<Callee>> rust_methods(const Value& object, const std::string& name);
  Result<Value> overrider(const Value& object, const value::Method& method);
  Result<Callee> choose(const std::vector<Callee>& candidates,
                        const std::vector<Value>& arguments) const;
  Result<CallArgument> fitted(const Value& given, const Type* parameter);
  Result<CallArgument> promoted(const Value& given);
  Result<Value> object_of(const Node& node, bool is_called);
  std::optional<Value> pointer_to_member(const Node& node);
  Result<Value> member_at(const Value& object, const Value& pointer);
  Result<std::vector<Callee>> member_function_at(const Node& node);
  Result<int64_t> count_of(const Node* node, int64_t otherwise);
  const Type* with_step(const Type* type, const TypeStep& step, Status& status);

  Environment& environment_;
  Language language_;
  Arithmetic arithmetic_;
  GoRules go_;
  bool changes_;
  const Type* assumed_result_ = nullptr;  ///< of the function whose call is cast
  std::optional<size_t> column_;
};

}  // namespace clew::lang
