// How expressions of Go are read, and what its constants and operators give, without a process.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "lang/expression.h"
#include "lang/go_rules.h"
#include "lang/parser.h"
#include "value/rendering.h"
#include "value/type_text.h"

namespace clew::lang {
namespace {

const std::set<std::string> known_types = {"int",
                                           "string",
                                           "byte",
                                           "main.T",
                                           "T",
                                           "http.Header",
                                           "net/http.Header",
                                           "main.Pair[int,string]",
                                           "func(int) string",
                                           "interface {}",
                                           "func()",
                                           "struct {}"};

NameClass classify(const std::string& name) {
  if (known_types.contains(name)) return NameClass::type;
  return name == "net/http.DefaultClient" ? NameClass::object : NameClass::unknown;
}

std::string text_of(const TypeName& type) {
  std::string text = type.name;
  for (const TypeStep& step : type.steps) {
    switch (step.kind) {
      case TypeStep::Kind::pointer:
        text = "*" + text;
        break;
      case TypeStep::Kind::slice:
        text = "[]" + text;
        break;
      case TypeStep::Kind::array:
        text = fmt::format("[{}]{}", *step.count, text);
        break;
      case TypeStep::Kind::map:
        text = fmt::format("map[{}]{}", text_of(*step.parameters.front()), text);
        break;
      case TypeStep::Kind::channel:
        text = step.qualifier + text;
        break;
      default:
        text += "?";
    }
  }
  return text;
}

/// A tree in brackets: "(+ 1 (* 2 3))".
std::string text_of(const Node& node) {
  std::string text;
  switch (node.kind) {
    case NodeKind::integer:
      return std::to_string(node.number) + node.suffix;
    case NodeKind::floating:
      return fmt::format("{}{}", static_cast<double>(node.floating), node.suffix);
    case NodeKind::character:
      return fmt::format("'{}'", node.number);
    case NodeKind::string:
      return fmt::format("\"{}\"", node.text);
    case NodeKind::boolean:
      return node.number != 0 ? "true" : "false";
    case NodeKind::null_pointer:
      return "nil";
    case NodeKind::name:
    case NodeKind::dollar:
      return node.text;
    case NodeKind::member:
      return fmt::format("(. {} {})", text_of(*node.parts[0]), node.text);
    case NodeKind::cast:
      return fmt::format("(as {} {})", text_of(*node.type), text_of(*node.parts[0]));
    case NodeKind::assertion:
      return fmt::format("(assert {} {})", text_of(*node.type), text_of(*node.parts[0]));
    case NodeKind::index:
      text = "index";
      break;
    case NodeKind::slice:
      text = "slice";
      break;
    case NodeKind::call:
      text = "call";
      break;
    case NodeKind::composite:
      text = "{} " + (node.type == nullptr ? "_" : text_of(*node.type));
      break;
    case NodeKind::keyed:
      text = ":";
      break;
    case NodeKind::assign:
      text = node.op == Op::none ? "=" : std::string(op_text(node.op)) + "=";
      break;
    default:
      text = op_text(node.op);
  }
  for (const auto& part : node.parts) text += " " + (part == nullptr ? "_" : text_of(*part));
  return "(" + text + ")";
}

std::string read(const std::string& text, bool type_allowed = false) {
  const auto parsed = parse_go(text, classify, type_allowed);
  if (!parsed)
    return fmt::format("error at {}: {}", parsed.error().column, parsed.error().error.text);
  return parsed->type != nullptr ? "type " + text_of(*parsed->type) : text_of(*parsed->expression);
}

TEST(GoParser, PrecedenceIsThatOfGo) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 + 2 * 3", "(+ 1 (* 2 3))"},
      {"1 << 2 + 3", "(+ (<< 1 2) 3)"},
      {"a & b == c", "(== (& a b) c)"},
      {"a | b ^ c", "(^ (| a b) c)"},
      {"a &^ b + c", "(+ (&^ a b) c)"},
      {"a == b && c < d || e", "(|| (&& (== a b) (< c d)) e)"},
      {"-a.b", "(- (. a b))"},
      {"*p.next", "(* (. p next))"},
      {"(*p).next", "(. (* p) next)"},
      {"&x[1]", "(& (index x 1))"},
      {"^a - -b", "(- (~ a) (- b))"},
      {"!a", "(! a)"},
      {"x &^= 1", "(&^= x 1)"},
      {"x <<= 1 + 2", "(<<= x (+ 1 2))"},
      {"x++", "(++ x)"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
}

TEST(GoParser, Literals) {
  const std::pair<const char*, const char*> cases[] = {{"0x1F", "31"},
                                                       {"0b101", "5"},
                                                       {"0o17", "15"},
                                                       {"017", "15"},
                                                       {"1_000", "1000"},
                                                       {"1.5", "1.5"},
                                                       {"1e3", "1000"},
                                                       {".5", "0.5"},
                                                       {"2i", "2i"},
                                                       {"1.5i", "1.5i"},
                                                       {"'a'", "'97'"},
                                                       {"'\\n'", "'10'"},
                                                       {"'\\x41'", "'65'"},
                                                       {"'\\u00e9'", "'233'"},
                                                       {"'\u00e9'", "'233'"},
                                                       {"\"a\\tb\"", "\"a\tb\""},
                                                       {"\"\\u00e9\"", "\"\u00e9\""},
                                                       {"\"\\x41B\"", "\"AB\""},
                                                       {"`a\\b`", "\"a\\b\""},
                                                       {"nil", "nil"},
                                                       {"true", "true"},
                                                       {"$rax", "$rax"},
                                                       {"~r0", "~r0"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
}

TEST(GoParser, PartsOfValues) {
  const std::pair<const char*, const char*> cases[] = {
      {"a.b.c", "(. (. a b) c)"},
      {"m[\"k\"].x", "(. (index m \"k\") x)"},
      {"s[1:4]", "(slice s 1 4 _)"},
      {"s[:]", "(slice s _ _ _)"},
      {"s[1:]", "(slice s 1 _ _)"},
      {"s[:n:m]", "(slice s _ n m)"},
      {"len(a.b)", "(call len (. a b))"},
      {"x.(main.T)", "(assert main.T x)"},
      {"x.(*main.T).f", "(. (assert *main.T x) f)"},
      {"x.([]int)", "(assert []int x)"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
}

TEST(GoParser, TypesAndConversions) {
  const std::pair<const char*, const char*> cases[] = {
      {"int(x)", "(as int x)"},
      {"f(x)", "(call f x)"},
      {"main.T(x)", "(as main.T x)"},
      {"main.f(x)", "(call (. main f) x)"},
      {"(*main.T)(0x10)", "(as *main.T 16)"},
      {"(*p)(x)", "(call (* p) x)"},
      {"[]byte(s)", "(as []byte s)"},
      {"map[string]*T(m)", "(as map[string]*T m)"},
      {"main.Pair[int, string](x)", "(as main.Pair[int,string] x)"},
      {"(func(int) string)(f)", "(as func(int) string f)"},
      {"interface{}(x)", "(as interface {} x)"},
      {"(<-chan int)(c)", "(as <-chan int c)"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
  for (const char* text : {"int", "*main.T", "[]int", "[3][]string", "map[string]map[int]T",
                           "chan int", "<-chan int", "chan<- T", "net/http.Header", "func()"})
    EXPECT_EQ(read(text, true), std::string("type ") + text);
  EXPECT_EQ(read("a.b", true), "(. a b)");
  EXPECT_EQ(read("*p", true), "(* p)");
}

TEST(GoParser, CompositeLiterals) {
  const std::pair<const char*, const char*> cases[] = {
      {"T{}", "({} T)"},
      {"T{1, \"a\",}", "({} T 1 \"a\")"},
      {"main.T{X: 1, Y: -2}.X", "(. ({} main.T (: X 1) (: Y (- 2))) X)"},
      {"m[main.T{1, 2}]", "(index m ({} main.T 1 2))"},
      {"[2]T{{1}, 1: {2}}", "({} [2]T ({} _ 1) (: 1 ({} _ 2)))"},
      {"x == T{1}", "(== x ({} T 1))"},
      {"struct {}{}", "({} struct {})"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
  for (const char* const text : {"T{", "T{1", "T{1 2}", "T{:1}", "T{X:}", "x{1}", "m[{1}]"})
    EXPECT_EQ(read(text).substr(0, 5), "error") << text;
}

TEST(GoParser, PackagesByTheirPaths) {
  EXPECT_EQ(read("net/http.DefaultClient.Timeout"), "(. net/http.DefaultClient Timeout)");
  EXPECT_EQ(read("\"net/http\".DefaultClient"), "net/http.DefaultClient");
  EXPECT_EQ(read("a/b.c"), "(/ a (. b c))");
  EXPECT_EQ(read("net/http.Header(x)"), "(as net/http.Header x)");
}

TEST(GoParser, ErrorsSayWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 +", "error at 3: the expression ends too early"},
      {"a[", "error at 2: the expression ends too early"},
      {"a[]", "error at 1: there is no index between the brackets"},
      {"(1 + 2", "error at 6: \")\" is missing here"},
      {"x.(nonsense)", "error at 3: there is no such type"},
      {"1u", "error at 0: a number has no suffix \"u\""},
      {"<-c",
       "error at 0: a debugger does not receive from channels: that would change the program"},
      {"`a", "error at 0: the quotes that begin here do not end"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(read(text), expected) << text;
}

TEST(GoParser, AnyTextEndsWithATreeOrAnError) {
  constexpr std::string_view pieces[] = {
      "a",    "main", ".", "(",     ")",   "[",    "]",
      ":",    "*",    "&", "-",     "<",   "chan", "map",
      "func", "int",  "1", "\"s\"", "'c'", "/",    "net/http.Header",
      ",",    "=",    "~"};
  std::mt19937 random(5);
  for (int n = 0; n < 20'000; ++n) {
    std::string text;
    for (unsigned i = 0; i < 1 + random() % 12; ++i) text += pieces[random() % std::size(pieces)];
    EXPECT_FALSE(read(text, n % 2 == 0).empty()) << text;
  }
  EXPECT_NE(read(std::string(5000, '(')).find("within one another"), std::string::npos);
  EXPECT_NE(read(std::string(5000, '[') + "]").find("error"), std::string::npos);
}

class NoMemory final : public MemoryReader {
 public:
  Result<size_t> read_memory(Addr, MutableBytes) override {
    return fail(ErrorCode::fault, "no memory");
  }
};

class NoTarget final : public value::Target {
 public:
  MemoryReader& memory() override { return memory_; }
  value::Types& types() override { return types_; }
  const sym::ModuleMap& modules() override { return modules_; }

 private:
  NoMemory memory_;
  value::Types types_;
  sym::ModuleMap modules_;
};

class Nowhere final : public Environment {
 public:
  value::Target& target() override { return target_; }
  Language language() override { return Language::go; }
  const value::PrinterSet& printers() override { return printers_; }
  NameClass classify(const std::string& name) override { return lang::classify(name); }
  Result<value::Value> variable(const std::string& name, const std::string&) override {
    return fail(ErrorCode::not_found, "there is no " + name);
  }
  Result<const value::Type*> type(const std::string& name, TypeName::Tag) override {
    return fail(ErrorCode::not_found, "there is no type " + name);
  }
  Result<value::Value> dollar(const std::string&) override { return value::Value(target_); }
  Status set_dollar(const std::string&, const value::Value&) override { return {}; }

 private:
  NoTarget target_;
  value::PrinterSet printers_;
};

struct GoConstants : testing::Test {
  Nowhere nowhere;

  std::string show(const std::string& text) {
    const auto value = evaluate(text, nowhere);
    if (!value) return "error: " + value.error().text.substr(0, value.error().text.find('\n'));
    const value::PrintOptions options;
    return value::to_text(value::render(*value, nowhere.printers(), options), value::syntax_of(0),
                          options);
  }
  std::string type(const std::string& text) {
    const auto parsed = Expression::parse(text, Language::go, lang::classify, true);
    if (!parsed) return "error: " + parsed.error().text;
    const auto type = parsed->type(nowhere);
    return type ? value::type_text(*type) : "error: " + type.error().text;
  }
};

TEST_F(GoConstants, AreExact) {
  const std::pair<const char*, const char*> cases[] = {{"1 << 62 << 3 >> 3", "4611686018427387904"},
                                                       {"7 / 2", "3"},
                                                       {"7 / 2.0", "3.5"},
                                                       {"-7 % 3", "-1"},
                                                       {"6 &^ 3", "4"},
                                                       {"^0", "-1"},
                                                       {"'a' + 1", "98"},
                                                       {"1 + 2i", "1 + 2i"},
                                                       {"(1 + 2i) * 2i", "-4 + 2i"},
                                                       {"real(3 + 4i)", "3"},
                                                       {"\"a\" + \"b\"", "\"ab\""},
                                                       {"\"a\" < \"b\"", "true"},
                                                       {"\"ab\" == `ab`", "true"},
                                                       {"len(\"abc\")", "3"},
                                                       {"1 == 1.0", "true"},
                                                       {"!(1 > 2) && true", "true"},
                                                       {"nil == nil", "true"},
                                                       {"int(3.0)", "3"},
                                                       {"int8(-128)", "-128"},
                                                       {"float64(1) / 4", "0.25"},
                                                       {"int(7) / int(2)", "3"},
                                                       {"uint8(200) + 100", "44"},
                                                       {"int32(1) << 40", "0"},
                                                       {"1 << 63", "9223372036854775808"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(show(text), expected) << text;
}

TEST_F(GoConstants, WhatGoRefusesIsAnError) {
  const std::pair<const char*, const char*> cases[] = {
      {"int8(300)", "error: the constant overflows int8"},
      {"uint8(1) + 300", "error: the constant overflows uint8"},
      {"int(1.5)", "error: 1.5 is no int: it would be cut"},
      {"int(1) + 0.5", "error: 0.5 is no int: it would be cut"},
      {"int32(1) + int64(1)",
       "error: + of int32 and int64: both must have one type, as in int32(x)"},
      {"1 / 0", "error: division by zero"},
      {"1 && true", "error: a value of type untyped int is neither true nor false"},
      {"!1", "error: a value of type untyped int is neither true nor false"},
      {"-true", "error: - cannot be applied to bool"},
      {"1 << -1", "error: the constant overflows uint"},
      {"\"a\" - \"b\"", "error: - cannot be applied to strings"},
      {"1 == nil", "error: == cannot be applied to untyped int and untyped nil"},
      {"*nil", "error: nil points to nothing"},
      {"5.x", "error: a value of type untyped int has no fields"},
      {"nonsense", "error: there is no nonsense"},
      {"f(1)", "error: there is no f"}};
  for (const auto& [text, expected] : cases) {
    const std::string shown = show(text);
    EXPECT_EQ(shown.substr(0, std::string_view(expected).size()), expected) << text;
  }
}

TEST_F(GoConstants, HaveTheTypesThatGoGivesThem) {
  EXPECT_EQ(type("1"), "int");
  EXPECT_EQ(type("'a'"), "int32");
  EXPECT_EQ(type("1.0"), "float64");
  EXPECT_EQ(type("1i"), "complex128");
  EXPECT_EQ(type("1 < 2"), "bool");
  EXPECT_EQ(type("float32(1) + 2"), "float32");
  EXPECT_EQ(type("uint8(1) << 2"), "uint8");
}

}  // namespace
}  // namespace clew::lang
