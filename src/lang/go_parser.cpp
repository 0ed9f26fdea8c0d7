// Expressions of Go, with gdb's $names.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "lang/parser_base.h"

namespace clew::lang {
namespace {

// The Go Programming Language Specification, "Operator precedence"; "@" is gdb's.
constexpr BinaryOperator go_binaries[] = {
    {"||", 1, Op::logic_or},   {"&&", 2, Op::logic_and},     {"==", 3, Op::equal},
    {"!=", 3, Op::not_equal},  {"<", 3, Op::less},           {"<=", 3, Op::less_equal},
    {">", 3, Op::greater},     {">=", 3, Op::greater_equal}, {"+", 4, Op::add},
    {"-", 4, Op::subtract},    {"|", 4, Op::bit_or},         {"^", 4, Op::bit_xor},
    {"*", 5, Op::multiply},    {"/", 5, Op::divide},         {"%", 5, Op::remainder},
    {"<<", 5, Op::shift_left}, {">>", 5, Op::shift_right},   {"&", 5, Op::bit_and},
    {"&^", 5, Op::bit_clear},  {"@", 6, Op::repeat},
};

constexpr std::string_view go_basic_types[] = {
    "bool", "string",  "int",     "int8",      "int16",      "int32",   "int64",
    "uint", "uint8",   "uint16",  "uint32",    "uint64",     "uintptr", "byte",
    "rune", "float32", "float64", "complex64", "complex128", "error",   "any"};

bool is_basic(std::string_view name) {
  return std::find(std::begin(go_basic_types), std::end(go_basic_types), name) !=
         std::end(go_basic_types);
}

/// Types that begin with a word of their own.
constexpr std::string_view type_words[] = {"map", "chan", "func", "interface", "struct"};

/// What a path of packages is made of, beside letters and digits: "gopkg.in/yaml.v3", "a-b/c_d".
bool is_path_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_.-~/").find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}

class GoParser : private ParserBase {
 public:
  GoParser(std::string_view text, std::vector<Token> tokens, const Classifier& classify)
      : ParserBase(text, std::move(tokens)), classify_(classify) {}

  tl::expected<Parsed, Problem> run(bool type_allowed) {
    Parsed parsed;
    if (type_allowed) {
      parsed.type = type_if_any();
      if (parsed.type != nullptr && is_end()) return parsed;
      at_ = 0;
      parsed.type = nullptr;
    }
    parsed.expression = assignment();
    return finish(std::move(parsed));
  }

 private:
  // --- Operators

  NodePtr assignment() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = binary_level(0);
    if (left == nullptr) return nullptr;
    const size_t column = token().start;
    if (take("++")) return unary(Op::post_increment, column, std::move(left));
    if (take("--")) return unary(Op::post_decrement, column, std::move(left));
    // &^= is two symbols.
    const bool is_clear = token().is("&^") && token(1).is("=");
    for (const auto& [symbol, op] : assignments) {
      if (!token().is(symbol) && !is_clear) continue;
      NodePtr node = make(NodeKind::assign, column);
      node->op = is_clear ? Op::bit_clear : op;
      advance();
      if (is_clear) advance();
      return with(with(std::move(node), std::move(left)), binary_level(0));
    }
    return left;
  }

  NodePtr binary_level(int lowest) {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = prefix();
    while (left != nullptr) {
      const auto next = std::find_if(std::begin(go_binaries), std::end(go_binaries),
                                     [&](const BinaryOperator& b) { return token().is(b.symbol); });
      if (next == std::end(go_binaries) || next->precedence <= lowest) return left;
      if (next->op == Op::bit_clear && token(1).is("=")) return left;
      const size_t column = token().start;
      advance();
      left = binary(next->op, column, std::move(left), binary_level(next->precedence));
    }
    return left;
  }

  NodePtr prefix() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    const size_t column = token().start;
    if (take("-")) return unary(Op::negate, column, prefix());
    if (take("+")) return unary(Op::plus, column, prefix());
    if (take("!")) return unary(Op::logic_not, column, prefix());
    if (take("^")) return unary(Op::complement, column, prefix());
    if (take("*")) return unary(Op::dereference, column, prefix());
    if (take("&")) return unary(Op::address, column, prefix());
    if (token().is("<") && token(1).is("-") && !type_begins_here())
      return wrong("a debugger does not receive from channels: that would change the program");
    return suffixes(primary());
  }

  // --- Operands

  NodePtr primary() {
    const size_t column = token().start;
    if (token().is("(")) return bracket();
    if (type_begins_here()) {
      TypeNamePtr type = type_if_any();
      if (type == nullptr) return unexpected();
      return conversion(std::move(type), column);
    }
    if (token().kind == TokenKind::string && token(1).is(".") && token(2).kind == TokenKind::name) {
      // "net/http".DefaultClient
      NodePtr node = make(NodeKind::name, column);
      node->text = token().text + "." + token(2).text;
      advance();
      advance();
      advance();
      return node;
    }
    // ~r0: results without a name.
    const bool is_result = token().is("~") && token(1).kind == TokenKind::name;
    if (token().kind != TokenKind::name && token().kind != TokenKind::quoted && !is_result)
      return literal_of_go();
    if (take_word("nil")) return make(NodeKind::null_pointer, column);
    for (const bool value : {false, true}) {
      if (!take_word(value ? "true" : "false")) continue;
      NodePtr node = make(NodeKind::boolean, column);
      node->number = value ? 1 : 0;
      return node;
    }
    if (TypeNamePtr type = converting_type()) return conversion(std::move(type), column);
    NodePtr node = make(NodeKind::name, column);
    if (is_result) {
      node->text = "~";
      advance();
    }
    if (const std::string path = package_path(); !path.empty()) {
      node->text = path;
    } else {
      node->text += token().text;
      advance();
    }
    return node;
  }

  NodePtr literal_of_go() {
    const bool is_number =
        token().kind == TokenKind::integer || token().kind == TokenKind::floating;
    if (is_number && !token().suffix.empty() && token().suffix != "i")
      return wrong(fmt::format("a number has no suffix \"{}\"", token().suffix));
    const bool is_text = token().kind == TokenKind::string || token().kind == TokenKind::character;
    if (is_text && !token().suffix.empty()) return unexpected();
    return literal();
  }

  /// An expression in brackets, or a type in brackets that converts what follows: (*T)(p).
  NodePtr bracket() {
    const size_t start = at_;
    const size_t column = token().start;
    advance();
    TypeNamePtr type = type_if_any();
    if (type != nullptr && take(")") && token().is("(")) return conversion(std::move(type), column);
    at_ = start + 1;
    NodePtr inner = assignment();
    if (inner == nullptr || !expect(")")) return nullptr;
    return inner;
  }

  /// What stands in brackets or braces behind a type.
  NodePtr conversion(TypeNamePtr type, size_t column) {
    if (token().is("{")) return composite(std::move(type), column);
    NodePtr node = make(NodeKind::cast, column);
    node->type = std::move(type);
    if (!expect("(")) return nullptr;
    node = with(std::move(node), assignment());
    if (node == nullptr || !expect(")")) return nullptr;
    return node;
  }

  /// What stands in braces. Within others the type may be left out.
  NodePtr composite(TypeNamePtr type, size_t column) {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr node = make(NodeKind::composite, column);
    node->type = std::move(type);
    if (!expect("{")) return nullptr;
    while (node != nullptr && !token().is("}")) {
      node = with(std::move(node), literal_part());
      if (!take(",")) break;
    }
    return node != nullptr && expect("}") ? std::move(node) : nullptr;
  }

  NodePtr literal_part() {
    const auto part = [&] {
      return token().is("{") ? composite(nullptr, token().start) : binary_level(0);
    };
    const size_t column = token().start;
    NodePtr first = part();
    if (first == nullptr || !take(":")) return first;
    NodePtr node = with(make(NodeKind::keyed, column), std::move(first));
    return node == nullptr ? nullptr : with(std::move(node), part());
  }

  /// The type in T(x), T{x} and main.T(x), when it is one.
  TypeNamePtr converting_type() {
    // What follows tells most names apart, without a look at what there is in the program.
    const size_t behind = token(1).is(".") ? 3 : 1;
    if (!token(behind).is("(") && !token(behind).is("{") && !token(behind).is("[") &&
        !token(1).is("/")) {
      return nullptr;
    }
    const size_t start = at_;
    TypeNamePtr type = type_if_any();
    if (type != nullptr && (token().is("(") || token().is("{"))) return type;
    at_ = start;
    return nullptr;
  }

  /// True for a name and pkg.Name.
  static bool is_named(const Node& node) {
    return node.kind == NodeKind::name ||
           (node.kind == NodeKind::member && node.parts[0]->kind == NodeKind::name);
  }

  NodePtr suffixes(NodePtr node) {
    while (node != nullptr) {
      const size_t column = token().start;
      if (take(".")) {
        node = selector(std::move(node));
      } else if (take("[")) {
        node = subscript(std::move(node), column);
      } else if (take("(")) {
        node = call(std::move(node), column);
      } else if (token().is("{") && is_named(*node)) {
        return wrong_at(node->column,
                        "there is no type of this name here: give its package as well");
      } else {
        return node;
      }
    }
    return node;
  }

  NodePtr selector(NodePtr object) {
    if (token().is("(")) {
      NodePtr node = make(NodeKind::assertion, token().start);
      advance();
      node->type = type_name();
      if (!expect(")")) return nullptr;
      return with(std::move(node), std::move(object));
    }
    NodePtr node = make(NodeKind::member, token().start);
    if (token().kind != TokenKind::name) return unexpected();
    node->text = token().text;
    advance();
    return with(std::move(node), std::move(object));
  }

  /// a[i], a[1:3], a[:], a[1:3:8].
  NodePtr subscript(NodePtr object, size_t column) {
    NodePtr ends[3];
    size_t count = 0;
    for (; count < 3; ++count) {
      if (!token().is(":") && !token().is("]")) ends[count] = binary_level(0);
      if (problem_) return nullptr;
      if (!take(":")) break;
    }
    if (!expect("]")) return nullptr;
    if (count == 0) {
      if (ends[0] == nullptr) return wrong_at(column, "there is no index between the brackets");
      return with(with(make(NodeKind::index, column), std::move(object)), std::move(ends[0]));
    }
    NodePtr node = with(make(NodeKind::slice, column), std::move(object));
    if (node == nullptr) return nullptr;
    for (NodePtr& end : ends) {
      if (end != nullptr) node->depth = std::max(node->depth, end->depth + 1);
      node->parts.push_back(std::move(end));
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

  // --- Names

  /// "net/http.DefaultClient" where that is the name of something: without it, it is a division.
  /// @return empty otherwise.
  std::string package_path() {
    const size_t start = token().start;
    size_t end = start;
    while (end < text_.size() && is_path_character(text_[end])) ++end;
    std::string_view path = text_.substr(start, end - start);
    if (path.find('/') == path.npos) return {};
    // Up to the dot behind the last slash, and the name behind that dot; fields may follow.
    const size_t dot = path.find('.', path.rfind('/'));
    if (dot == path.npos) return {};
    path = path.substr(0, std::min(path.find('.', dot + 1), path.size()));
    if (classify_(std::string(path)) == NameClass::unknown) return {};
    while (!is_end() && token().start < start + path.size()) advance();
    return std::string(path);
  }

  /// A name that is that of a type, with its package: "int", "T", "main.T", "net/http.Header",
  /// "main.Pair[int,string]". @return empty, and nothing is taken, when it is none.
  std::string type_by_name() {
    const size_t start = at_;
    std::string name;
    if (token().kind == TokenKind::string && token(1).is(".") && token(2).kind == TokenKind::name) {
      name = token().text + "." + token(2).text;
      at_ += 3;
    } else if (token().kind == TokenKind::name) {
      name = package_path();
      if (name.empty()) {
        name = token().text;
        advance();
        if (token().is(".") && token(1).kind == TokenKind::name) {
          name += "." + token(1).text;
          at_ += 2;
        }
      }
    }
    if (!name.empty() && token().is("[")) take_arguments(name);
    if (!name.empty() && is_type(name)) return name;
    at_ = start;
    return {};
  }

  bool is_type(const std::string& name) const {
    const NameClass what = classify_(name);
    return what == NameClass::type || (what == NameClass::unknown && is_basic(name));
  }

  /// The arguments of a generic type, as the linker writes them: without spaces.
  void take_arguments(std::string& name) {
    int depth = 0;
    for (size_t i = token().start; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '[') ++depth;
      if (c != ']' || --depth != 0) continue;
      std::string whole = name + std::string(text_.substr(token().start, i + 1 - token().start));
      std::erase(whole, ' ');
      if (classify_(whole) != NameClass::type) return;
      while (!is_end() && token().start <= i) advance();
      name = std::move(whole);
      return;
    }
  }

  // --- Types

  /// True for what can only be a type.
  bool type_begins_here() const {
    if (token().is("[")) return true;
    if (token().is("<")) return token(1).is("-") && token(2).is_word("chan");
    if (token().kind != TokenKind::name) return false;
    return std::find(std::begin(type_words), std::end(type_words), token().text) !=
           std::end(type_words);
  }

  /// A type, if one stands here as a whole; otherwise nothing is taken and there is no problem.
  TypeNamePtr type_if_any() {
    if (problem_) return nullptr;
    const size_t start = at_;
    TypeNamePtr type = type_name();
    if (!problem_ && type != nullptr) return type;
    problem_.reset();
    at_ = start;
    return nullptr;
  }

  static TypeNamePtr with_step(TypeNamePtr type, TypeStep step) {
    if (type != nullptr) type->steps.push_back(std::move(step));
    return type;
  }

  TypeNamePtr not_a_type() {
    wrong("there is no such type");
    return nullptr;
  }

  TypeNamePtr type_name() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) {
      too_deep();
      return nullptr;
    }
    const size_t column = token().start;
    TypeStep step;
    if (take("*")) {
      step.kind = TypeStep::Kind::pointer;
      return with_step(type_name(), std::move(step));
    }
    if (take("(")) {
      TypeNamePtr type = type_name();
      return type != nullptr && expect(")") ? std::move(type) : nullptr;
    }
    if (take("[")) return array_or_slice();
    if (token().is("<") || token().is_word("chan")) return channel();
    if (token().is_word("map") && token(1).is("[")) {
      advance();
      advance();
      step.kind = TypeStep::Kind::map;
      step.parameters.push_back(type_name());
      if (step.parameters.front() == nullptr || !expect("]")) return nullptr;
      return with_step(type_name(), std::move(step));
    }
    auto type = std::make_unique<TypeName>();
    type->column = column;
    if (token().is_word("func") || token().is_word("interface") || token().is_word("struct")) {
      if (!whole_text(*type)) return not_a_type();
      return type;
    }
    type->name = type_by_name();
    if (type->name.empty()) return not_a_type();
    return type;
  }

  /// Behind the first bracket: []T, [4]T.
  TypeNamePtr array_or_slice() {
    TypeStep step;
    step.kind = TypeStep::Kind::slice;
    if (token().kind == TokenKind::integer) {
      step.kind = TypeStep::Kind::array;
      step.count = token().number;
      advance();
    }
    if (!expect("]")) return nullptr;
    return with_step(type_name(), std::move(step));
  }

  TypeNamePtr channel() {
    TypeStep step;
    step.kind = TypeStep::Kind::channel;
    step.qualifier = "chan ";
    if (take("<")) {
      if (!take("-")) return not_a_type();
      step.qualifier = "<-chan ";
    }
    if (!take_word("chan")) return not_a_type();
    if (token().is("<") && token(1).is("-")) {
      step.qualifier = "chan<- ";
      advance();
      advance();
    }
    return with_step(type_name(), std::move(step));
  }

  /// func(…) …, interface {…} and struct {…} are known by their whole text alone. @return false
  /// when no type has it.
  bool whole_text(TypeName& type) {
    const size_t start = token().start;
    // The longest text that is a type: a function's results may follow or not.
    constexpr size_t most_tokens = 200;
    for (size_t end = std::min(tokens_.size() - 1, at_ + most_tokens); end > at_; --end) {
      std::string text(text_.substr(start, tokens_[end - 1].end - start));
      if (text == "interface{}") text = "interface {}";
      if (text == "struct{}") text = "struct {}";
      if (classify_(text) != NameClass::type) continue;
      at_ = end;
      type.name = std::move(text);
      return true;
    }
    return false;
  }

  const Classifier& classify_;
};

}  // namespace

tl::expected<Parsed, Problem> parse_go(std::string_view text, const Classifier& classify,
                                       bool type_allowed) {
  auto tokens = tokenize(text, Language::go);
  if (!tokens) return tl::unexpected(tokens.error());
  return GoParser(text, std::move(*tokens), classify).run(type_allowed);
}

}  // namespace clew::lang
