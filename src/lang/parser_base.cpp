#include "lang/parser_base.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace clew::lang {

NodePtr ParserBase::wrong_at(size_t column, std::string text) {
  if (!problem_) problem_ = Problem{Error(ErrorCode::bad_request, std::move(text)), column};
  return nullptr;
}

NodePtr ParserBase::unexpected() {
  if (is_end()) return wrong("the expression ends too early");
  return wrong(fmt::format("\"{}\" is not understood here",
                           printable(text_.substr(token().start, token().end - token().start))));
}

bool ParserBase::expect(std::string_view symbol) {
  if (problem_) return false;
  if (take(symbol)) return true;
  wrong(fmt::format("\"{}\" is missing here", symbol));
  return false;
}

NodePtr ParserBase::make(NodeKind kind, size_t column) const {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->column = column;
  return node;
}

NodePtr ParserBase::with(NodePtr node, NodePtr part) {
  if (node == nullptr || part == nullptr || problem_) return nullptr;
  node->depth = std::max(node->depth, part->depth + 1);
  if (node->depth > Node::most_depth) return too_deep();
  node->parts.push_back(std::move(part));
  return node;
}

NodePtr ParserBase::unary(Op op, size_t column, NodePtr operand) {
  auto node = make(NodeKind::unary, column);
  node->op = op;
  return with(std::move(node), std::move(operand));
}

NodePtr ParserBase::binary(Op op, size_t column, NodePtr left, NodePtr right) {
  auto node = make(NodeKind::binary, column);
  node->op = op;
  return with(with(std::move(node), std::move(left)), std::move(right));
}

NodePtr ParserBase::literal() {
  const Token& here = token();
  NodeKind kind = NodeKind::integer;
  switch (here.kind) {
    case TokenKind::integer:
      break;
    case TokenKind::floating:
      kind = NodeKind::floating;
      break;
    case TokenKind::character:
      kind = NodeKind::character;
      break;
    case TokenKind::string:
      kind = NodeKind::string;
      break;
    case TokenKind::dollar:
      kind = NodeKind::dollar;
      break;
    default:
      return unexpected();
  }
  auto node = make(kind, here.start);
  node->text = here.text;
  node->suffix = here.suffix;
  node->number = here.number;
  node->is_decimal = here.is_decimal;
  node->floating = here.floating;
  advance();
  // "ab" "cd" is one string.
  while (kind == NodeKind::string && token().kind == TokenKind::string) {
    node->text += token().text;
    advance();
  }
  return node;
}

tl::expected<Parsed, Problem> ParserBase::finish(Parsed parsed) {
  if (!problem_ && !is_end()) unexpected();
  if (problem_) return tl::unexpected(*problem_);
  return parsed;
}

tl::expected<Parsed, Problem> parse_expression(std::string_view text, Language language,
                                               const Classifier& classify, bool type_allowed) {
  switch (language) {
    case Language::go:
      return parse_go(text, classify, type_allowed);
    case Language::rust:
      return parse_rust(text, classify, type_allowed);
    default:
      return parse_c(text, language, classify, type_allowed);
  }
}

}  // namespace clew::lang
