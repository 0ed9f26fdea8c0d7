#include "session/number_expression.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/printable.h"

namespace clew {
namespace {

struct Operator {
  std::string_view text;
  int precedence;
};

// C's precedences; longer texts first.
constexpr std::array operators = {
    Operator{"||", 1}, Operator{"&&", 2}, Operator{"==", 6}, Operator{"!=", 6}, Operator{"<<", 8},
    Operator{">>", 8}, Operator{"<=", 7}, Operator{">=", 7}, Operator{"<", 7},  Operator{">", 7},
    Operator{"|", 3},  Operator{"^", 4},  Operator{"&", 5},  Operator{"+", 9},  Operator{"-", 9},
    Operator{"*", 10}, Operator{"/", 10}, Operator{"%", 10}};

bool compare(std::string_view op, uint64_t a, uint64_t b) {
  const auto left = static_cast<int64_t>(a);
  const auto right = static_cast<int64_t>(b);
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  if (op == "<") return left < right;
  if (op == ">") return left > right;
  return op == "<=" ? left <= right : left >= right;
}

/// Recursive descent with precedence climbing. Depth is bounded: the text comes from a user, who
/// may paste anything.
class Parser {
 public:
  Parser(std::string_view text, const RegisterLookup& registers)
      : whole_(text), rest_(text), registers_(registers) {}

  Result<uint64_t> run() {
    auto value = expression(0);
    skip_space();
    if (value && !rest_.empty()) return unknown();
    return value;
  }

 private:
  static constexpr int max_depth = 100;

  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
      rest_.remove_prefix(1);
  }

  tl::unexpected<Error> unknown() const {
    if (rest_.empty())
      return fail(ErrorCode::bad_request, fmt::format("\"{}\" ends too early", printable(whole_)));
    return fail(
        ErrorCode::bad_request,
        fmt::format("\"{}\" is not understood from \"{}\" on: give a number, a $register, or "
                    "a sum of such",
                    printable(whole_), printable(rest_)));
  }

  const Operator* next_operator() {
    skip_space();
    for (const Operator& candidate : operators) {
      if (rest_.starts_with(candidate.text)) return &candidate;
    }
    return nullptr;
  }

  Result<uint64_t> expression(int lowest) {
    auto left = primary();
    while (left) {
      const Operator* op = next_operator();
      if (op == nullptr || op->precedence <= lowest) return left;
      rest_.remove_prefix(op->text.size());
      auto right = expression(op->precedence);
      if (!right) return right;
      left = apply(*op, *left, *right);
    }
    return left;
  }

  static Result<uint64_t> apply(const Operator& op, uint64_t a, uint64_t b) {
    if (op.text == "<<") return b < 64 ? a << b : 0;
    if (op.text == ">>") return b < 64 ? a >> b : 0;
    if (op.text == "||") return a != 0 || b != 0 ? 1 : 0;
    if (op.text == "&&") return a != 0 && b != 0 ? 1 : 0;
    if (op.precedence == 6 || op.precedence == 7) return compare(op.text, a, b) ? 1 : 0;
    switch (op.text[0]) {
      case '|':
        return a | b;
      case '^':
        return a ^ b;
      case '&':
        return a & b;
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      default:
        break;
    }
    if (b == 0) return fail(ErrorCode::bad_request, "division by zero");
    return op.text[0] == '/' ? a / b : a % b;
  }

  Result<uint64_t> primary() {
    skip_space();
    if (rest_.empty() || ++depth_ > max_depth) return unknown();
    const char first = rest_.front();
    if (first == '-' || first == '+' || first == '~' || first == '!') {
      rest_.remove_prefix(1);
      auto value = primary();
      if (!value || first == '+') return value;
      if (first == '!') return *value == 0 ? 1 : 0;
      return first == '-' ? 0 - *value : ~*value;
    }
    if (first == '(') {
      rest_.remove_prefix(1);
      auto value = expression(0);
      skip_space();
      if (!value) return value;
      if (rest_.empty() || rest_.front() != ')') return unknown();
      rest_.remove_prefix(1);
      return value;
    }
    if (first == '$') return register_value();
    if (first == '\'' && rest_.size() >= 3 && rest_[2] == '\'') {
      const auto value = static_cast<unsigned char>(rest_[1]);
      rest_.remove_prefix(3);
      return value;
    }
    return number();
  }

  Result<uint64_t> register_value() {
    size_t end = 1;
    while (end < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[end])) != 0 || rest_[end] == '_'))
      ++end;
    const std::string_view name = rest_.substr(1, end - 1);
    if (name.empty()) return unknown();
    rest_.remove_prefix(end);
    return registers_(name);
  }

  Result<uint64_t> number() {
    int base = 10;
    size_t skip = 0;
    if (rest_.starts_with("0x") || rest_.starts_with("0X")) {
      base = 16;
      skip = 2;
    } else if (rest_.starts_with("0b") || rest_.starts_with("0B")) {
      base = 2;
      skip = 2;
    } else if (rest_.size() > 1 && rest_[0] == '0' &&
               std::isdigit(static_cast<unsigned char>(rest_[1])) != 0) {
      base = 8;
      skip = 1;
    }
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(rest_.data() + skip, rest_.data() + rest_.size(), value, base);
    if (error == std::errc::result_out_of_range) {
      return fail(ErrorCode::bad_request,
                  fmt::format("\"{}\" does not fit in 64 bits", printable(rest_)));
    }
    const auto used = static_cast<size_t>(end - rest_.data());
    const bool runs_on =
        used < rest_.size() &&
        (std::isalnum(static_cast<unsigned char>(rest_[used])) != 0 || rest_[used] == '_');
    if (error != std::errc() || runs_on) return unknown();
    rest_.remove_prefix(used);
    return value;
  }

  std::string_view whole_;
  std::string_view rest_;
  const RegisterLookup& registers_;
  int depth_ = 0;
};

}  // namespace

Result<uint64_t> evaluate_number(std::string_view text, const RegisterLookup& registers) {
  return Parser(text, registers).run();
}

}  // namespace clew
