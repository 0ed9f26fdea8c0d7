#include "session/value_history.h"

#include <fmt/format.h>

#include <charconv>

#include "value/place.h"

namespace clew {
namespace {

/// As it is now: memory with the bytes that were read, registers as numbers.
value::Value kept(const value::Value& value) {
  if (value.place().kind() != value::Place::Kind::pieces && !value.is_bit_field())
    return value.fetched();
  auto bytes = value.bytes();
  return bytes ? value::Value::of_bytes(value.target(), value.type(), std::move(*bytes)) : value;
}

}  // namespace

size_t ValueHistory::add(const value::Value& value) {
  values_.push_back(kept(value));
  return values_.size();
}

std::optional<Result<value::Value>> ValueHistory::find(const std::string& name,
                                                       value::Target& target) const {
  const bool from_end = name.starts_with("$$") || name == "$";
  const std::string digits = name.substr(name.starts_with("$$") ? 2 : 1);
  size_t number = name == "$$" ? 1 : 0;
  if (!digits.empty()) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (end != digits.data() + digits.size()) return std::nullopt;
    if (error != std::errc()) number = SIZE_MAX;
  }
  if (from_end && values_.empty()) return Result<value::Value>(value::Value(target));
  const size_t index = from_end ? values_.size() - number : number;
  if (index == 0 || index > values_.size()) {
    return Result<value::Value>(
        fail(ErrorCode::not_found,
             fmt::format("there is no value {}: {} were shown so far", name, values_.size())));
  }
  return Result<value::Value>(values_[index - 1]);
}

std::optional<value::Value> ValueHistory::variable(const std::string& name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end()) return std::nullopt;
  return found->second;
}

void ValueHistory::set_variable(const std::string& name, const value::Value& value) {
  variables_.insert_or_assign(name, kept(value));
}

}  // namespace clew
