#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/regular_expression.h"
#include "base/result.h"

namespace clew {

/// Functions that `step` does not enter.
class SkipRules {
 public:
  enum class Kind : uint8_t { function, file, expression };

  struct Rule {
    unsigned number = 0;
    Kind kind = Kind::function;
    std::string text;
    std::unique_ptr<RegularExpression> expression;
  };

  /// A function by its name with or without scopes and parameters, a source file by its name or the
  /// end of its path, or functions by an extended regular expression (regex(7)).
  /// @return the number; bad_request for what is no regular expression.
  Result<unsigned> add(Kind kind, std::string text);
  /// @return not_found.
  Status remove(unsigned number);
  void clear() { rules_.clear(); }
  const std::vector<Rule>& all() const { return rules_; }

  bool is_skipped(std::string_view function, std::string_view file) const;

 private:
  std::vector<Rule> rules_;
  unsigned next_number_ = 1;
};

/// @return "function", "file" or "regex".
std::string_view skip_kind_name(SkipRules::Kind kind);

}  // namespace clew
