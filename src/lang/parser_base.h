#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "lang/parser.h"

namespace clew::lang {

struct BinaryOperator {
  std::string_view symbol;
  int precedence;  ///< higher ones bind tighter
  Op op;
};

/// The same in all languages; Op::none is "=" alone.
inline constexpr std::pair<std::string_view, Op> assignments[] = {
    {"=", Op::none},     {"+=", Op::add},         {"-=", Op::subtract},     {"*=", Op::multiply},
    {"/=", Op::divide},  {"%=", Op::remainder},   {"&=", Op::bit_and},      {"|=", Op::bit_or},
    {"^=", Op::bit_xor}, {"<<=", Op::shift_left}, {">>=", Op::shift_right},
};

/// What the parsers of all languages share: the tokens, and the first problem, after which every
/// function returns nullptr.
class ParserBase {
 public:
  ParserBase(std::string_view text, std::vector<Token> tokens)
      : text_(text), tokens_(std::move(tokens)) {}

 protected:
  /// Brackets and prefixes within one another.
  static constexpr int most_nesting = 100;

  /// Counts how deep the parser has gone.
  class Nesting {
   public:
    explicit Nesting(ParserBase& parser) : parser_(parser) { ++parser_.nesting_; }
    ~Nesting() { --parser_.nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    bool is_too_deep() const { return parser_.nesting_ > most_nesting; }

   private:
    ParserBase& parser_;
  };

  const Token& token(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool is_end() const { return token().kind == TokenKind::end; }
  void advance() { at_ = std::min(at_ + 1, tokens_.size() - 1); }
  bool take(std::string_view symbol) {
    if (!token().is(symbol)) return false;
    advance();
    return true;
  }
  bool take_word(std::string_view word) {
    if (!token().is_word(word)) return false;
    advance();
    return true;
  }
  /// @return false, with the problem, when it does not stand here.
  bool expect(std::string_view symbol);

  NodePtr wrong(std::string text) { return wrong_at(token().start, std::move(text)); }
  NodePtr wrong_at(size_t column, std::string text);
  /// "is not understood", or "ends too early".
  NodePtr unexpected();
  NodePtr too_deep() { return wrong("too many brackets and operators within one another"); }

  NodePtr make(NodeKind kind, size_t column) const;
  /// Adds a part, which may be nullptr after a problem. @return nullptr then.
  NodePtr with(NodePtr node, NodePtr part);
  NodePtr unary(Op op, size_t column, NodePtr operand);
  NodePtr binary(Op op, size_t column, NodePtr left, NodePtr right);
  /// A token that stands for itself: a number, a character, a string, $name.
  NodePtr literal();

  tl::expected<Parsed, Problem> finish(Parsed parsed);

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  std::optional<Problem> problem_;
};

}  // namespace clew::lang
