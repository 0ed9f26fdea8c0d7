#include "base/regular_expression.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace clew {
namespace {

constexpr size_t longest_text = 16384;

}  // namespace

Result<std::unique_ptr<RegularExpression>> RegularExpression::compile(
    const std::string& expression) {
  std::unique_ptr<RegularExpression> regex(new RegularExpression);
  const int error = regcomp(&regex->compiled_, expression.c_str(), REG_EXTENDED | REG_NOSUB);
  if (error == 0) {
    regex->is_compiled_ = true;
    return regex;
  }
  char text[128] = {};
  regerror(error, &regex->compiled_, text, sizeof text);
  return fail(ErrorCode::bad_request,
              fmt::format("\"{}\" is no regular expression: {}", printable(expression), text));
}

RegularExpression::~RegularExpression() {
  if (is_compiled_) regfree(&compiled_);
}

bool RegularExpression::matches(const std::string& text) const {
  if (text.size() > longest_text)
    return regexec(&compiled_, text.substr(0, longest_text).c_str(), 0, nullptr, 0) == 0;
  return regexec(&compiled_, text.c_str(), 0, nullptr, 0) == 0;
}

}  // namespace clew
