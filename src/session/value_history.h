#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "value/value.h"

namespace clew {

/// What `print` has shown ($1, $2, …) and the convenience variables ($name) of one process. Values
/// of memory keep the bytes that they had.
class ValueHistory {
 public:
  /// @return its number.
  size_t add(const value::Value& value);
  size_t size() const { return values_.size(); }

  /// "$", "$$", "$$3", "$7"; `target` is for what is empty yet. @return not_found; nullopt when the
  /// name is none of these forms.
  std::optional<Result<value::Value>> find(const std::string& name, value::Target& target) const;

  /// nullopt when it was never set.
  std::optional<value::Value> variable(const std::string& name) const;
  void set_variable(const std::string& name, const value::Value& value);
  const std::map<std::string, value::Value>& variables() const { return variables_; }

 private:
  std::vector<value::Value> values_;
  std::map<std::string, value::Value> variables_;
};

}  // namespace clew
