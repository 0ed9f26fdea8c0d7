#pragma once

#include <regex.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace clew {

/// An extended regular expression (regex(7)) by the C library, whose matching needs no deep stack
/// however long the text is.
class RegularExpression {
 public:
  /// @return bad_request with the reason.
  static Result<std::unique_ptr<RegularExpression>> compile(const std::string& expression);
  ~RegularExpression();
  RegularExpression(const RegularExpression&) = delete;
  RegularExpression& operator=(const RegularExpression&) = delete;

  /// True when it matches anywhere in the text, of which only the beginning is looked at when it is
  /// very long.
  bool matches(const std::string& text) const;

 private:
  RegularExpression() = default;

  regex_t compiled_{};
  bool is_compiled_ = false;
};

}  // namespace clew
