// Expressions of C and C++, as users of gdb write them.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "lang/c_type_words.h"
#include "lang/parser_base.h"

namespace clew::lang {
namespace {

// As in gdb, p@n+1 is p@(n+1).
constexpr BinaryOperator c_binaries[] = {
    {"||", 1, Op::logic_or},    {"&&", 2, Op::logic_and},     {"|", 3, Op::bit_or},
    {"^", 4, Op::bit_xor},      {"&", 5, Op::bit_and},        {"==", 6, Op::equal},
    {"!=", 6, Op::not_equal},   {"<", 7, Op::less},           {"<=", 7, Op::less_equal},
    {">", 7, Op::greater},      {">=", 7, Op::greater_equal}, {"<<", 8, Op::shift_left},
    {">>", 8, Op::shift_right}, {"@", 9, Op::repeat},         {"+", 10, Op::add},
    {"-", 10, Op::subtract},    {"*", 11, Op::multiply},      {"/", 11, Op::divide},
    {"%", 11, Op::remainder},   {".*", 12, Op::member_at},    {"->*", 12, Op::pointer_at},
};

constexpr std::array<std::pair<std::string_view, Op>, 8> prefixes = {{{"*", Op::dereference},
                                                                      {"&", Op::address},
                                                                      {"-", Op::negate},
                                                                      {"+", Op::plus},
                                                                      {"!", Op::logic_not},
                                                                      {"~", Op::complement},
                                                                      {"++", Op::pre_increment},
                                                                      {"--", Op::pre_decrement}}};

constexpr std::string_view cast_words[] = {"static_cast", "reinterpret_cast", "const_cast",
                                           "dynamic_cast"};

class CParser : private ParserBase {
 public:
  CParser(std::string_view text, std::vector<Token> tokens, Language language,
          const Classifier& classify)
      : ParserBase(text, std::move(tokens)), language_(language), classify_(classify) {}

  tl::expected<Parsed, Problem> run(bool type_allowed) {
    Parsed parsed;
    if (type_allowed && begins_type()) {
      parsed.type = type_name();
      if (!problem_ && is_end()) return parsed;
      // int(3) begins like a type.
      at_ = 0;
      problem_.reset();
      parsed.type = nullptr;
    }
    parsed.expression = comma();
    return finish(std::move(parsed));
  }

 private:
  // --- Operators

  NodePtr comma() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = assignment();
    while (left != nullptr && token().is(",")) {
      const size_t column = token().start;
      advance();
      left = with(with(make(NodeKind::comma, column), std::move(left)), assignment());
    }
    return left;
  }

  NodePtr assignment() {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = conditional();
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

  NodePtr conditional() {
    NodePtr condition = binary_level(0);
    if (condition == nullptr || !token().is("?")) return condition;
    NodePtr node = with(make(NodeKind::conditional, token().start), std::move(condition));
    advance();
    node = with(std::move(node), comma());
    if (!expect(":")) return nullptr;
    return with(std::move(node), assignment());
  }

  const BinaryOperator* next_binary() const {
    for (const BinaryOperator& candidate : c_binaries) {
      if (token().is(candidate.symbol)) return &candidate;
    }
    return nullptr;
  }

  NodePtr binary_level(int lowest) {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) return too_deep();
    NodePtr left = prefix();
    while (left != nullptr) {
      const BinaryOperator* const next = next_binary();
      if (next == nullptr || next->precedence <= lowest) return left;
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
    for (const auto& [symbol, op] : prefixes) {
      if (!token().is(symbol)) continue;
      advance();
      return unary(op, column, prefix());
    }
    // &&x is a label's address in GNU C, and nothing that a debugger has.
    if (token().is_word("sizeof")) return size_of();
    if (token().is_word("alignof") || token().is_word("_Alignof")) return alignment_of();
    if (token().is("(") && begins_type(1)) return cast(column);
    if (token().is("{")) return reinterpretation(column);
    return suffixes(primary());
  }

  NodePtr size_of() {
    const size_t column = token().start;
    advance();
    if (token().is("(") && begins_type(1)) {
      advance();
      NodePtr node = make(NodeKind::size_of_type, column);
      node->type = type_name();
      return expect(")") ? std::move(node) : nullptr;
    }
    return with(make(NodeKind::size_of_value, column), prefix());
  }

  NodePtr alignment_of() {
    NodePtr node = make(NodeKind::alignment_of_type, token().start);
    advance();
    if (!expect("(")) return nullptr;
    if (!begins_type()) return wrong("alignof is of types: alignof(int)");
    node->type = type_name();
    return expect(")") ? std::move(node) : nullptr;
  }

  NodePtr cast(size_t column) {
    const size_t start = at_;
    advance();
    NodePtr node = make(NodeKind::cast, column);
    node->type = type_name();
    if (problem_) {
      // (int)(3) is a cast, (int(3)) is not.
      at_ = start;
      problem_.reset();
      return suffixes(primary());
    }
    if (!expect(")")) return nullptr;
    return with(std::move(node), prefix());
  }

  NodePtr type_id() {
    const size_t column = token().start;
    advance();
    if (!expect("(")) return nullptr;
    if (begins_type()) {
      const size_t start = at_;
      NodePtr node = make(NodeKind::type_id_of_type, column);
      node->type = type_name();
      if (!problem_ && take(")")) return node;
      // typeid(T(3)) begins like a type.
      at_ = start;
      problem_.reset();
    }
    NodePtr node = with(make(NodeKind::type_id_of_value, column), comma());
    return node != nullptr && expect(")") ? std::move(node) : nullptr;
  }

  /// gdb's {type} address.
  NodePtr reinterpretation(size_t column) {
    advance();
    NodePtr node = make(NodeKind::reinterpret, column);
    node->type = type_name();
    if (!expect("}")) return nullptr;
    return with(std::move(node), prefix());
  }

  NodePtr suffixes(NodePtr node) {
    while (node != nullptr) {
      const size_t column = token().start;
      if (token().is(".") || token().is("->")) {
        node = member(std::move(node));
      } else if (take("[")) {
        node = subscript(std::move(node), column);
      } else if (take("++")) {
        node = unary(Op::post_increment, column, std::move(node));
      } else if (take("--")) {
        node = unary(Op::post_decrement, column, std::move(node));
      } else if (take("(")) {
        node = call(std::move(node), column);
      } else {
        return node;
      }
    }
    return node;
  }

  NodePtr member(NodePtr object) {
    const bool is_arrow = token().is("->");
    advance();
    NodePtr node = make(is_arrow ? NodeKind::arrow : NodeKind::member, token().start);
    if (token().is("~")) return wrong("destructors cannot be called");
    const auto path = name_path();
    if (!path) return unexpected();
    node->text = path->text;
    return with(std::move(node), std::move(object));
  }

  /// a[i], and clew's a[from:to], in which both may be left out.
  NodePtr subscript(NodePtr object, size_t column) {
    NodePtr first = token().is(":") ? nullptr : comma();
    if (problem_) return nullptr;
    if (!take(":")) {
      if (!expect("]")) return nullptr;
      return with(with(make(NodeKind::index, column), std::move(object)), std::move(first));
    }
    NodePtr last = token().is("]") ? nullptr : comma();
    if (problem_ || !expect("]")) return nullptr;
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
    if (take(")")) return node;
    do {
      node = with(std::move(node), assignment());
    } while (node != nullptr && take(","));
    if (node == nullptr || !expect(")")) return nullptr;
    return node;
  }

  // --- What stands for itself

  NodePtr primary() {
    const size_t column = token().start;
    if (take("(")) {
      NodePtr inner = comma();
      if (inner == nullptr || !expect(")")) return nullptr;
      return inner;
    }
    if (token().kind == TokenKind::name || token().kind == TokenKind::quoted || token().is("::"))
      return name_or_cast(column);
    return literal();
  }

  NodePtr name_or_cast(size_t column) {
    if (language_ == Language::cpp || token(1).is("<")) {
      for (const std::string_view word : cast_words) {
        if (token().is_word(word)) return named_cast(column);
      }
    }
    for (const bool value : {false, true}) {
      if (!token().is_word(value ? "true" : "false") || language_ != Language::cpp) continue;
      advance();
      NodePtr node = make(NodeKind::boolean, column);
      node->number = value ? 1 : 0;
      return node;
    }
    if (language_ == Language::cpp && token().is_word("typeid") && token(1).is("("))
      return type_id();
    if (language_ == Language::cpp && take_word("nullptr"))
      return make(NodeKind::null_pointer, column);
    if (is_basic_word(token())) return functional_cast(column);
    const size_t start = at_;
    auto path = name_path();
    if (!path) return unexpected();
    // T(e), when T is a type.
    if (token().is("(") && path->file.empty() && classify_(path->text) == NameClass::type) {
      at_ = start;
      return functional_cast(column);
    }
    NodePtr node = make(NodeKind::name, column);
    node->text = std::move(path->text);
    node->file = std::move(path->file);
    return node;
  }

  NodePtr functional_cast(size_t column) {
    NodePtr node = make(NodeKind::cast, column);
    node->type = specifiers();
    if (problem_) return nullptr;
    if (!take("(")) return wrong_at(column, "this is a type, not a value");
    node = with(std::move(node), assignment());
    if (node == nullptr || !expect(")")) return nullptr;
    return node;
  }

  NodePtr named_cast(size_t column) {
    NodePtr node =
        make(token().is_word("dynamic_cast") ? NodeKind::dynamic_cast_ : NodeKind::cast, column);
    advance();
    if (!expect("<")) return nullptr;
    node->type = type_name();
    if (!expect(">") || !expect("(")) return nullptr;
    node = with(std::move(node), comma());
    if (node == nullptr || !expect(")")) return nullptr;
    return node;
  }

  // --- Names

  struct Path {
    std::string text, file;
  };

  /// "A::B<int>::x", "::x", 'file.c'::x. @return nullopt when no name stands here.
  std::optional<Path> name_path() {
    Path path;
    if (token().kind == TokenKind::quoted && token(1).is("::")) {
      path.file = token().text;
      advance();
      advance();
    } else if (take("::")) {
      path.text = "::";
    }
    for (;;) {
      if (token().kind != TokenKind::name && token().kind != TokenKind::quoted) return std::nullopt;
      path.text += token().text;
      advance();
      if (token().is("<")) take_template_arguments(path.text);
      if (!token().is("::")) return path;
      path.text += "::";
      advance();
    }
  }

  /// Where the brackets that begin at token() end: an index into the tokens behind it and, since
  /// ">>" may close two, how many of its characters are left over. 0 when they do not end.
  size_t end_of_template() const {
    int depth = 0;
    for (size_t i = token().start; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '<' || c == '(' || c == '[') ++depth;
      if (c == '>' || c == ')' || c == ']') {
        if (c == '>' && text_[i - 1] == '-') return 0;
        if (--depth == 0) return i + 1;
      }
      constexpr std::string_view others = " \t_:,*&()[]<>'+-";
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && others.find(c) == others.npos)
        return 0;
    }
    return 0;
  }

  /// a<b could be a comparison: it is a template when there is something of that name.
  void take_template_arguments(std::string& name) {
    const size_t end = end_of_template();
    if (end == 0) return;
    const std::string whole = name + std::string(text_.substr(token().start, end - token().start));
    size_t behind = at_;
    while (tokens_[behind].kind != TokenKind::end && tokens_[behind].start < end) ++behind;
    // Functions are found by their names without the arguments too: larger is one as larger<int>.
    const bool is_scope = tokens_[behind].is("::") && classify_(name) != NameClass::object;
    if (!is_scope && classify_(whole) == NameClass::unknown) return;
    at_ = behind;
    name = whole;
  }

  // --- Types

  bool begins_type(size_t ahead = 0) {
    const Token& first = token(ahead);
    if (first.kind == TokenKind::name) {
      if (is_basic_word(first) || is_qualifier_word(first)) return true;
      for (const std::string_view word : {"struct", "union", "enum", "class", "typename"}) {
        if (first.text == word) return true;
      }
    }
    if (first.kind != TokenKind::name && first.kind != TokenKind::quoted && !first.is("::"))
      return false;
    const size_t start = std::exchange(at_, at_ + ahead);
    const auto path = name_path();
    at_ = start;
    return path && path->file.empty() && classify_(path->text) == NameClass::type;
  }

  void take_qualifiers(TypeName& type) {
    while (is_qualifier_word(token())) {
      TypeStep step;
      step.kind = TypeStep::Kind::qualifier;
      step.qualifier = token().text;
      type.steps.push_back(std::move(step));
      advance();
    }
  }

  /// "const struct node", "unsigned long".
  TypeNamePtr specifiers() {
    auto type = std::make_unique<TypeName>();
    type->column = token().start;
    take_qualifiers(*type);
    if (take_word("struct") || take_word("class")) {
      type->tag = TypeName::Tag::structure;
    } else if (take_word("union")) {
      type->tag = TypeName::Tag::union_type;
    } else if (take_word("enum")) {
      type->tag = TypeName::Tag::enumeration;
    } else {
      take_word("typename");
    }
    if (is_basic_word(token())) {
      BasicTypeWords words;
      while (is_basic_word(token()) || is_qualifier_word(token())) {
        if (is_qualifier_word(token())) {
          take_qualifiers(*type);
          continue;
        }
        if (!words.add(token().text)) wrong("these words are no type together");
        advance();
      }
      type->name = words.name();
      type->is_basic = true;
    } else if (const auto path = name_path()) {
      type->name = path->text;
      take_qualifiers(*type);
    } else {
      unexpected();
    }
    return type;
  }

  TypeNamePtr type_name() {
    auto type = specifiers();
    if (!problem_) declarator(*type);
    return type;
  }

  /// What follows the specifiers, with no name in it: "* const", "(*)[4]", "&".
  void declarator(TypeName& type) {
    const Nesting nesting(*this);
    if (nesting.is_too_deep()) {
      too_deep();
      return;
    }
    while (!problem_) {
      TypeStep step;
      if (take("*")) {
        step.kind = TypeStep::Kind::pointer;
      } else if (take("&&")) {
        step.kind = TypeStep::Kind::rvalue_reference;
      } else if (take("&")) {
        step.kind = TypeStep::Kind::reference;
      } else {
        break;
      }
      type.steps.push_back(std::move(step));
      take_qualifiers(type);
    }
    // "(*)": what stands in it applies to what the brackets behind it make.
    TypeName inner;
    const bool has_inner =
        token().is("(") && (token(1).is("*") || token(1).is("&") || token(1).is("&&"));
    if (has_inner) {
      advance();
      declarator(inner);
      if (!expect(")")) return;
    }
    suffix_steps(type);
    for (TypeStep& step : inner.steps) type.steps.push_back(std::move(step));
  }

  void suffix_steps(TypeName& type) {
    std::vector<TypeStep> arrays;
    while (!problem_) {
      TypeStep step;
      if (take("[")) {
        step.kind = TypeStep::Kind::array;
        if (token().kind == TokenKind::integer) {
          step.count = token().number;
          advance();
        }
        if (!expect("]")) return;
        arrays.push_back(std::move(step));
      } else if (token().is("(") && (token(1).is(")") || begins_type(1) || token(1).is("..."))) {
        advance();
        step.kind = TypeStep::Kind::function;
        parameters(step);
        type.steps.push_back(std::move(step));
      } else {
        break;
      }
    }
    // int[2][3] is two arrays of three.
    std::reverse(arrays.begin(), arrays.end());
    for (TypeStep& step : arrays) type.steps.push_back(std::move(step));
  }

  void parameters(TypeStep& function) {
    if (take(")")) return;
    do {
      if (take("...")) {
        function.is_variadic = true;
        break;
      }
      auto parameter = type_name();
      if (problem_) return;
      const bool is_void =
          parameter->is_basic && parameter->name == "void" && parameter->steps.empty();
      if (!is_void) function.parameters.push_back(std::move(parameter));
    } while (take(","));
    expect(")");
  }

  Language language_;
  const Classifier& classify_;
};

}  // namespace

tl::expected<Parsed, Problem> parse_c(std::string_view text, Language language,
                                      const Classifier& classify, bool type_allowed) {
  auto tokens = tokenize(text, language);
  if (!tokens) return tl::unexpected(tokens.error());
  return CParser(text, std::move(*tokens), language, classify).run(type_allowed);
}

}  // namespace clew::lang
