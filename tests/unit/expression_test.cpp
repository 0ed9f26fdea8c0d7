// Expressions over a target that is nothing but a few bytes of memory and some variables.

#include "lang/expression.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "lang/arithmetic.h"
#include "value/rendering.h"
#include "value/type_text.h"

namespace clew::lang {
namespace {

class Memory final : public MemoryReader {
 public:
  static constexpr uint64_t start = 0x1000;
  std::vector<std::byte> bytes = std::vector<std::byte>(256);

  Result<size_t> read_memory(Addr address, MutableBytes into) override {
    const uint64_t at = address.value - start;
    if (address.value < start || at >= bytes.size()) return fail(ErrorCode::fault, "no memory");
    const size_t count = std::min(into.size(), bytes.size() - at);
    std::memcpy(into.data(), bytes.data() + at, count);
    return count;
  }
};

class FakeTarget final : public value::Target {
 public:
  Memory own;
  value::Types own_types;
  sym::ModuleMap no_modules;

  MemoryReader& memory() override { return own; }
  value::Types& types() override { return own_types; }
  const sym::ModuleMap& modules() override { return no_modules; }
  Status write_memory(Addr address, Bytes data) override {
    if (address.value < Memory::start ||
        address.value - Memory::start + data.size() > own.bytes.size())
      return fail(ErrorCode::fault, "no memory");
    std::memcpy(own.bytes.data() + (address.value - Memory::start), data.data(), data.size());
    return {};
  }
};

class FakeEnvironment final : public Environment {
 public:
  FakeTarget fake;
  Language own = Language::cpp;
  value::PrinterSet none;
  std::map<std::string, value::Value> variables, dollars;

  value::Target& target() override { return fake; }
  Language language() override { return own; }
  const value::PrinterSet& printers() override { return none; }
  NameClass classify(const std::string& name) override {
    if (variables.contains(name)) return NameClass::object;
    return name == "number" || name == "Box<int>" ? NameClass::type : NameClass::unknown;
  }
  Result<value::Value> variable(const std::string& name, const std::string& file) override {
    const auto found = variables.find(file.empty() ? name : file + ":" + name);
    if (found == variables.end()) return fail(ErrorCode::not_found, "there is no " + name);
    return found->second;
  }
  Result<const value::Type*> type(const std::string& name, TypeName::Tag) override {
    if (name != "number") return fail(ErrorCode::not_found, "there is no type " + name);
    return fake.types().base("number", value::TypeKind::integer, 4, true);
  }
  Result<value::Value> dollar(const std::string& name) override {
    const auto found = dollars.find(name);
    return found == dollars.end() ? value::Value(fake) : found->second;
  }
  Status set_dollar(const std::string& name, const value::Value& value) override {
    dollars.insert_or_assign(name, value);
    return {};
  }
};

struct Expressions : testing::Test {
  FakeEnvironment environment;

  /// An array of four ints with a pointer behind it.
  Expressions() {
    const Arithmetic basic(environment.fake, Language::cpp);
    value::Types& types = environment.fake.types();
    const value::Type* const four = types.array_of(basic.by_name("int"), 4);
    environment.variables.emplace("a",
                                  value::Value::in_memory(environment.fake, four, Addr{0x1000}));
    environment.variables.emplace(
        "p", value::Value::in_memory(environment.fake, types.pointer_to(basic.by_name("int")),
                                     Addr{0x1010}));
    environment.variables.emplace(
        "n", value::Value::in_memory(environment.fake, basic.by_name("long"), Addr{0x1018}));
    environment.variables.emplace("util.c:n", basic.number(basic.by_name("int"), 99));
    const int32_t numbers[4] = {10, 20, 30, 40};
    std::memcpy(environment.fake.own.bytes.data(), numbers, sizeof numbers);
    const uint64_t words[2] = {0x1004, 7};
    std::memcpy(environment.fake.own.bytes.data() + 16, words, sizeof words);
  }

  std::string show(const std::string& text) {
    const auto value = evaluate(text, environment);
    if (!value) return "error: " + value.error().text.substr(0, value.error().text.find('\n'));
    const value::PrintOptions options;
    return value::to_text(value::render(*value, environment.none, options), value::syntax_of(0),
                          options);
  }
  std::string type(const std::string& text) {
    const auto parsed = Expression::parse(
        text, environment.own, [&](const std::string& name) { return environment.classify(name); },
        true);
    if (!parsed) return "error: " + parsed.error().text;
    const auto type = parsed->type(environment);
    return type ? value::type_text(*type) : "error: " + type.error().text;
  }
};

TEST_F(Expressions, PrecedenceIsThatOfC) {
  const std::pair<const char*, const char*> cases[] = {{"1 + 2 * 3", "7"},
                                                       {"(1 + 2) * 3", "9"},
                                                       {"10 % 3 + 2 * 4 << 1", "18"},
                                                       {"1 | 2 ^ 3 & 1", "3"},
                                                       {"10 - 3 - 2", "5"},
                                                       {"2 + 3 == 5 && 1 < 2", "true"},
                                                       {"1 ? 2 : 0 ? 3 : 4", "2"},
                                                       {"-2 * -3", "6"},
                                                       {"~0", "-1"},
                                                       {"!0", "true"},
                                                       {"1, 2, 3", "3"},
                                                       {"- - 1", "1"},
                                                       {"7 / -2", "-3"},
                                                       {"-7 % 3", "-1"},
                                                       {"1 << 4 >> 2", "4"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(show(text), expected) << text;
}

TEST_F(Expressions, ConversionsAreTheUsualOnes) {
  const std::pair<const char*, const char*> cases[] = {{"-1 > 1u", "true"},
                                                       {"-1 > 1", "false"},
                                                       {"0x7fffffff + 1", "-2147483648"},
                                                       {"1 / 2.0", "0.5"},
                                                       {"(char)65", "65 'A'"},
                                                       {"(unsigned char)300", "44 ','"},
                                                       {"(short)70000", "4464"},
                                                       {"int(3.9)", "3"},
                                                       {"static_cast<int>(-2.5)", "-2"},
                                                       {"(bool)4", "true"},
                                                       {"1 << 40", "0"},
                                                       {"-1 >> 100", "-1"},
                                                       {"'a' + 1", "98"},
                                                       {"(-2147483647 - 1) / -1", "-2147483648"},
                                                       {"1.5f + 1", "2.5"},
                                                       {"sizeof(long)", "8"},
                                                       {"sizeof a", "16"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(show(text), expected) << text;
  EXPECT_EQ(type("1"), "int");
  EXPECT_EQ(type("1ul"), "unsigned long");
  EXPECT_EQ(type("4294967296"), "long");
  EXPECT_EQ(type("0xffffffff"), "unsigned int");
  EXPECT_EQ(type("'a'"), "char");
  EXPECT_EQ(type("1 < 2"), "bool");
  EXPECT_EQ(type("p - p"), "long");
  EXPECT_EQ(type("&a"), "int (*)[4]");
  environment.own = Language::c;
  EXPECT_EQ(type("1 < 2"), "int");
}

TEST_F(Expressions, TypesAreReadAsTheyAreWritten) {
  for (const char* text : {"int (*)(int, char *)", "int (*)[4]", "const char *", "char * const",
                           "int [2][3]", "int &", "unsigned long **", "void (*)(void)"})
    EXPECT_EQ(type(text), text);
  EXPECT_EQ(type("long unsigned int"), "unsigned long");
  EXPECT_EQ(type("number *"), "number *");
}

TEST_F(Expressions, PointersAndArrays) {
  const std::pair<const char*, const char*> cases[] = {{"a", "{10, 20, 30, 40}"},
                                                       {"a[1]", "20"},
                                                       {"*a", "10"},
                                                       {"*p", "20"},
                                                       {"p[1]", "30"},
                                                       {"*(p - 1)", "10"},
                                                       {"*p@2", "{20, 30}"},
                                                       {"a[1:3]", "{20, 30}"},
                                                       {"a[:2]", "{10, 20}"},
                                                       {"a[2:]", "{30, 40}"},
                                                       {"&a[3] - p", "2"},
                                                       {"*&a[2]", "30"},
                                                       {"p == &a[1]", "true"},
                                                       {"*(number*)0x1008", "30"},
                                                       {"{int} 0x100c", "40"},
                                                       {"util.c::n", "99"},
                                                       {"'util.c'::n", "99"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(show(text), expected) << text;
}

TEST_F(Expressions, AssignmentsChangeMemory) {
  EXPECT_EQ(show("a[0] = 5"), "5");
  EXPECT_EQ(show("n += 3"), "10");
  EXPECT_EQ(show("n++"), "10");
  EXPECT_EQ(show("--n"), "10");
  EXPECT_EQ(show("*p = a[0] * 2"), "10");
  EXPECT_EQ(show("a"), "{5, 10, 30, 40}");
  EXPECT_EQ(show("$x = 4"), "4");
  EXPECT_EQ(show("$x * 2"), "8");
  EXPECT_EQ(show("0 && (n = 1)"), "false");
  EXPECT_EQ(show("n"), "10") << "what is not evaluated changes nothing";
  EXPECT_EQ(type("n = 1"), "long");
  EXPECT_EQ(show("n"), "10") << "a type is asked for without a change";
}

TEST_F(Expressions, ProblemsAreErrors) {
  for (const char* text :
       {"1 / 0", "1 % 0", "1 +", "(1", "a[", "nothing", "5 = 6", "1.5 & 1", "$", "'", "\"", "1 2",
        "f(3)", "*(int*)0x10", "99999999999999999999", "@", ""}) {
    const auto value = evaluate(text, environment);
    EXPECT_TRUE(!value || std::string(text) == "$" || !value->bytes()) << text;
  }
  EXPECT_NE(evaluate("1 + (2 / 0)", environment).error().text.find("\n  1 + (2 / 0)\n         ^"),
            std::string::npos);
}

TEST_F(Expressions, DepthAndLengthAreBounded) {
  EXPECT_FALSE(evaluate(std::string(10'000, '('), environment));
  EXPECT_FALSE(evaluate(std::string(10'000, '-') + "1", environment));
  EXPECT_FALSE(evaluate(std::string(100'000, '1'), environment));
  std::string sum = "1";
  for (int i = 0; i < 5000; ++i) sum += "+1";
  EXPECT_FALSE(evaluate(sum, environment));
  std::string members = "a";
  for (int i = 0; i < 5000; ++i) members += ".b";
  EXPECT_FALSE(evaluate(members, environment));
}

TEST_F(Expressions, WhateverIsTypedEnds) {
  constexpr std::string_view words[] = {
      "a",  "p", "n", "1", "'x'", "\"s\"", "$x", "(",  ")", "[",   "]",      "*", "&", "->", ".",
      "::", "<", ">", ",", "?",   ":",     "=",  "++", "@", "int", "sizeof", "{", "}", "-",  "as"};
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const size_t count = 1 + random() % 12;
    for (size_t i = 0; i < count; ++i)
      text += std::string(words[random() % std::size(words)]) + " ";
    for (const Language language : {Language::c, Language::cpp, Language::rust}) {
      environment.own = language;
      (void)show(text);
      (void)type(text);
    }
  }
}

TEST_F(Expressions, RustHasItsOwnSyntax) {
  environment.own = Language::rust;
  const std::pair<const char*, const char*> cases[] = {{"1 + 2 * 3", "7"},
                                                       {"300 as u8", "44"},
                                                       {"-1 as u32", "4294967295"},
                                                       {"a[1]", "20"},
                                                       {"a[1..3]", "{20, 30}"},
                                                       {"a[..=1]", "{10, 20}"},
                                                       {"*p", "20"},
                                                       {"1 < 2", "true"},
                                                       {"!0u8", "255"},
                                                       {"!true", "false"},
                                                       {"7 & 3 == 3", "true"},
                                                       {"1.5 as i32", "1"},
                                                       {"*(0x1008 as *const i32)", "30"},
                                                       {"5u64 % 3", "2"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(show(text), expected) << text;
  }
  EXPECT_EQ(type("1u8"), "u8");
}

}  // namespace
}  // namespace clew::lang
