// Expressions of Rust, with gdb's $names.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "lang/parser_base.h"

namespace clew::lang {
namespace {

// The Rust Reference, "Expression precedence"; "@" is gdb's.
constexpr BinaryOperator rust_binaries[] = {
    {"||", 1, Op::logic_or},    {"&&", 2, Op::logic_and},     {"==", 3, Op::equal},
    {"!=", 3, Op::not_equal},   {"<", 3, Op::less},           {"<=", 3, Op::less_equal},
    {">", 3, Op::greater},      {">=", 3, Op::greater_equal}, {"|", 4, Op::bit_or},
    {"^", 5, Op::bit_xor},      {"&", 6, Op::bit_and},        {"<<", 7, Op::shift_left},
    {">>", 7, Op::shift_right}, {"@", 8, Op::repeat},         {"+", 9, Op::add},
    {"-", 9, Op::subtract},     {"*", 10, Op::multiply},      {"/", 10, Op::divide},
    {"%", 10, Op::remainder},
};

constexpr std::string_view rust_basic_types[] = {"i8",  "i16", "i32",  "i64",  "i128", "isize",
                                                 "u8",  "u16", "u32",  "u64",  "u128", "usize",
                                                 "f32", "f64", "bool", "char", "str"};

bool is_basic(const Token& token) {
  return token.kind == TokenKind::name &&
         std::find(std::begin(rust_basic_types), std::end(rust_basic_types), token.text) !=
             std::end(rust_basic_types);
}

class RustParser : private ParserBase {
 public:
  RustParser(std::string_view text, std::vector<Token> tokens, const Classifier& classify)
      : ParserBase(text, std::move(tokens)), classify_(classify) {}

  tl::expected<Parsed, Problem> run(bool type_allowed) {
    Parsed parsed;
    if (type_allowed && may_begin_type()) {
      parsed.type = type_name();
      if (!problem_ && is_end()) return parsed;
      at_ = 0;
      problem_.reset();
      parsed.type = nullptr;
    }
    parsed.expression = assignment();
    return finish(std::move(parsed));
  }

 private:
  bool may_begin_type() {
    // &x and *p are values, &str and *const T types.
    size_t ahead = 0;
    while (token(ahead).is("&") || token(ahead).is("*") || token(ahead).is("[") ||
           token(ahead).is_word("mut") || token(ahead).is_word("const"))
      ++ahead;
    if (is_basic(token(ahead))) return true;
    if (token(ahead).kind != TokenKind::name) return false;
    const size_t start = std::exchange(at_, at_ + ahead);
    const auto path = name_path();
    at_ = start;
    return path && classify_(*path) == NameClass::type;
  }

  NodePtr assignment() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = binary_level(0);
    if (left == nullptr) return nullptr;
    for (const auto& [symbol, op] : assignments) {
      if (!token().is(symbol)) continue;
      NodePtr node = make(NodeKind::assign, token().start);
      node->op = op;
      advance();
      return with(with(std::move(node), std::move(left)), assignment());
    }
    return left;
  }

  NodePtr binary_level(int lowest) {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = as_level();
    while (left != nullptr) {
      const auto next = std::find_if(std::begin(rust_binaries), std::end(rust_binaries),
                                     [&](const BinaryOperator& b) { return token().is(b.symbol); });
      if (next == std::end(rust_binaries) || next->precedence <= lowest) return left;
      const size_t column = token().start;
      advance();
      left = binary(next->op, column, std::move(left), binary_level(next->precedence));
    }
    return left;
  }

  NodePtr as_level() {
    NodePtr value = prefix();
    while (value != nullptr && token().is_word("as")) {
      NodePtr node = make(NodeKind::cast, token().start);
      advance();
      node->type = type_name();
      value = with(std::move(node), std::move(value));
    }
    return value;
  }

  NodePtr prefix() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    const size_t column = token().start;
    if (take("-")) return unary(Op::negate, column, prefix());
    // Of integers "!" is the complement: the evaluator sees the type.
    if (take("!")) return unary(Op::logic_not, column, prefix());
    if (take("*")) return unary(Op::dereference, column, prefix());
    if (take("&")) {
      take_word("mut");
      return unary(Op::address, column, prefix());
    }
    if (take("&&")) return unary(Op::address, column, unary(Op::address, column, prefix()));
    if (token().is_word("sizeof") && token(1).is("(")) return size_of(column);
    return suffixes(primary());
  }

  NodePtr size_of(size_t column) {
    advance();
    advance();
    NodePtr node;
    if (may_begin_type()) {
      node = make(NodeKind::size_of_type, column);
      node->type = type_name();
    } else {
      node = with(make(NodeKind::size_of_value, column), assignment());
    }
    return expect(")") ? std::move(node) : nullptr;
  }

  NodePtr suffixes(NodePtr node) {
    while (node != nullptr) {
      const size_t column = token().start;
      if (take(".") || take("->")) {
        NodePtr next = make(NodeKind::member, token().start);
        if (token().kind != TokenKind::name) return unexpected();
        next->text = token().text;
        advance();
        node = with(std::move(next), std::move(node));
      } else if (take("[")) {
        node = subscript(std::move(node), column);
      } else if (take("(")) {
        node = call(std::move(node), column);
      } else {
        return node;
      }
    }
    return node;
  }

  /// a[i], a[1..3], a[1..=3], a[..], and the form a[1:3] that other languages have at the prompt.
  NodePtr subscript(NodePtr object, size_t column) {
    const auto is_range = [&] { return token().is("..") || token().is("..=") || token().is(":"); };
    NodePtr first = is_range() ? nullptr : binary_level(0);
    if (problem_) return nullptr;
    if (!is_range()) {
      if (!expect("]")) return nullptr;
      return with(with(make(NodeKind::index, column), std::move(object)), std::move(first));
    }
    const bool is_inclusive = token().is("..=");
    advance();
    NodePtr last = token().is("]") ? nullptr : binary_level(0);
    if (problem_ || !expect("]")) return nullptr;
    if (is_inclusive && last != nullptr) {
      NodePtr one = make(NodeKind::integer, column);
      one->number = 1;
      last = binary(Op::add, column, std::move(last), std::move(one));
    }
    NodePtr node = with(make(NodeKind::slice, column), std::move(object));
    if (node == nullptr) return nullptr;
    for (NodePtr* const end : {&first, &last}) {
      if (*end != nullptr) node->depth = std::max(node->depth, (*end)->depth + 1);
      node->parts.push_back(std::move(*end));
    }
    return node->depth > Node::most_depth ? too_deep() : std::move(node);
  }

  NodePtr call(NodePtr function, size_t column) {
    NodePtr node = with(make(NodeKind::call, column), std::move(function));
    while (node != nullptr && !token().is(")")) {
      node = with(std::move(node), binary_level(0));
      if (!take(",")) break;
    }
    if (node == nullptr || !expect(")")) return nullptr;
    return node;
  }

  NodePtr primary() {
    const size_t column = token().start;
    if (take("(")) {
      NodePtr inner = assignment();
      if (inner == nullptr || !expect(")")) return nullptr;
      return inner;
    }
    if (token().kind != TokenKind::name && !token().is("::") && token().kind != TokenKind::quoted)
      return literal();
    for (const bool value : {false, true}) {
      if (!take_word(value ? "true" : "false")) continue;
      NodePtr node = make(NodeKind::boolean, column);
      node->number = value ? 1 : 0;
      return node;
    }
    NodePtr node = make(NodeKind::name, column);
    if (token().kind == TokenKind::quoted && token(1).is("::")) {
      node->file = token().text;
      advance();
      advance();
    }
    auto path = name_path();
    if (!path) return unexpected();
    node->text = std::move(*path);
    return node;
  }

  /// "crate::m::X", "Vec<i32>::x", "Vec::<i32>::x".
  std::optional<std::string> name_path() {
    std::string path;
    if (take("::")) path = "::";
    for (;;) {
      if (token().kind != TokenKind::name && token().kind != TokenKind::quoted) return std::nullopt;
      path += token().text;
      advance();
      if (token().is("<")) take_arguments(path);
      if (!token().is("::")) return path;
      advance();
      if (token().is("<")) {
        take_arguments(path);
        if (!take("::")) return path;
      }
      path += "::";
    }
  }

  void take_arguments(std::string& name) {
    int depth = 0;
    size_t end = 0;
    for (size_t i = token().start; i < text_.size() && end == 0; ++i) {
      const char c = text_[i];
      if (c == '<') ++depth;
      if (c == '>' && text_[i - 1] != '-' && --depth == 0) end = i + 1;
      constexpr std::string_view others = " \t_:,*&()[]<>;-";
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && others.find(c) == others.npos) return;
    }
    if (end == 0 || classify_(name) == NameClass::object) return;
    const std::string whole = name + std::string(text_.substr(token().start, end - token().start));
    size_t behind = at_;
    while (tokens_[behind].kind != TokenKind::end && tokens_[behind].start < end) ++behind;
    if (!tokens_[behind].is("::") && classify_(whole) == NameClass::unknown) return;
    at_ = behind;
    name = whole;
  }

  void add_step(TypeName& type, TypeStep::Kind kind) {
    TypeStep step;
    step.kind = kind;
    type.steps.push_back(std::move(step));
  }

  TypeNamePtr type_name() {
    const Nesting nesting(*this);
    auto type = std::make_unique<TypeName>();
    type->column = token().start;
    if (nesting.is_too_deep()) {
      too_deep();
      return type;
    }
    const bool is_pointer = take("*");
    if (is_pointer || take("&")) {
      if (is_pointer && !token().is_word("const") && !token().is_word("mut")) unexpected();
      if (!take_word("mut") && is_pointer) take_word("const");
      // &str and &[T] are types of their own.
      type = token().is_word("str") || token().is("[") ? slice_type(is_pointer) : type_name();
      if (type->name.starts_with('&')) return type;
      add_step(*type, TypeStep::Kind::pointer);
      return type;
    }
    if (take("[")) {
      type = type_name();
      TypeStep step;
      step.kind = TypeStep::Kind::array;
      if (!expect(";")) return type;
      if (token().kind == TokenKind::integer) {
        step.count = token().number;
        advance();
      }
      expect("]");
      type->steps.push_back(std::move(step));
      return type;
    }
    type->is_basic = is_basic(token());
    auto path = name_path();
    if (!path) {
      unexpected();
    } else {
      type->name = std::move(*path);
    }
    return type;
  }

  /// What follows the & of &str and &[u8]: by the name that rustc gives it.
  TypeNamePtr slice_type(bool is_pointer) {
    auto type = std::make_unique<TypeName>();
    type->column = token().start;
    if (take_word("str")) {
      type->name = "&str";
      return type;
    }
    const size_t start = token().start;
    const size_t end = text_.find(']', start);
    if (end == text_.npos || text_.substr(start, end - start).find(';') != text_.npos)
      return type_name();
    if (is_pointer) {
      unexpected();
      return type;
    }
    type->name = "&" + std::string(text_.substr(start, end + 1 - start));
    while (!is_end() && token().start <= end) advance();
    return type;
  }

  const Classifier& classify_;
};

}  // namespace

tl::expected<Parsed, Problem> parse_rust(std::string_view text, const Classifier& classify,
                                         bool type_allowed) {
  auto tokens = tokenize(text, Language::rust);
  if (!tokens) return tl::unexpected(tokens.error());
  return RustParser(text, std::move(*tokens), classify).run(type_allowed);
}

}  // namespace clew::lang
