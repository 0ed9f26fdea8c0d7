// Values of Go in running programs: package variables of the sample program `values`.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "lang/expression.h"
#include "lang/go/printers.h"
#include "live_values.h"
#include "value/go_types.h"
#include "value/type_text.h"

namespace clew::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

class GoValues : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = std::string("../go/") + GetParam();
    if (!ShownProgram::exists(name)) GTEST_SKIP() << "Go is not installed";
    program_.emplace(name);
    lang::add_go_printers(program_->printers());
    all_ = program_->values().global("main.all");
    ASSERT_TRUE(all_);
  }
  std::string show(const std::string& name) {
    const auto field = all_->member(name);
    return field ? program_->text(*field) : field.error().text;
  }

  std::optional<ShownProgram> program_;
  std::optional<value::Value> all_;
};

INSTANTIATE_TEST_SUITE_P(Builds, GoValues, testing::Values("values", "values_debug"),
                         [](const auto& build) { return std::string(build.param); });

TEST_P(GoValues, Numbers) {
  EXPECT_EQ(show("Yes"), "true");
  EXPECT_EQ(show("No"), "false");
  EXPECT_EQ(show("Int8"), "-8");
  EXPECT_EQ(show("Uint8"), "97");
  EXPECT_EQ(show("Int16"), "-16");
  EXPECT_EQ(show("Int32"), "233");
  EXPECT_EQ(show("Int"), "-64");
  EXPECT_EQ(show("Uint64"), "9223372036854775808");
  EXPECT_EQ(show("Uintptr"), "48879");
  EXPECT_EQ(show("Float32"), "1.5");
  EXPECT_EQ(show("Float64"), "-2.25");
  EXPECT_EQ(show("Complex64"), "(1+2i)");
  EXPECT_EQ(show("Complex128"), "(-0.5-1i)");
  EXPECT_EQ(show("Temperature"), "36.6");
}

TEST_P(GoValues, Text) {
  EXPECT_EQ(show("EmptyString"), R"("")");
  EXPECT_EQ(show("String"), R"("abc")");
  EXPECT_EQ(show("Quoted"), "\"a \\\"quote\\\"\\n\\000\u00e9\"");
  EXPECT_THAT(show("Long"), StartsWith("\"abcdefghijklmnopqrstuvwxyzabc"));
  EXPECT_THAT(show("Long"), EndsWith("\"..."));
}

TEST_P(GoValues, Rows) {
  EXPECT_EQ(show("NilSlice"), "[]int(nil)");
  EXPECT_EQ(show("EmptySlice"), "[]int (len 0, cap 0)");
  EXPECT_EQ(show("OneInt"), "[]int (len 1, cap 1) = [1]");
  EXPECT_EQ(show("Ints"), "[]int (len 5, cap 5) = [1, 2, 3, 4, 5]");
  EXPECT_EQ(show("Half"), "[]int (len 2, cap 8) = [0, 0]");
  EXPECT_EQ(show("Strings"), R"([]string (len 3, cap 3) = ["a", "", "b"])");
  EXPECT_EQ(show("Points"),
            "[]main.point (len 2, cap 2) = [main.point {X: 1, Y: 2}, main.point {X: 3, Y: 4}]");
  EXPECT_EQ(show("Nested"),
            "[][]int (len 3, cap 3) = [[]int (len 1, cap 1) = [1], []int(nil), "
            "[]int (len 2, cap 2) = [2, 3]]");
  EXPECT_EQ(show("Bytes"), "[]uint8 (len 5, cap 5) = [104, 101, 108, 108, 111]");
  EXPECT_EQ(show("Nothings"), "[]struct {} (len 3, cap 3) = [{}, {}, {}]");
  EXPECT_EQ(show("Names"), R"(main.names (len 2, cap 2) = ["x", "y"])");
  EXPECT_EQ(show("Array"), "[7, 8, 9]");
  EXPECT_EQ(show("Empty"), "[]");
  EXPECT_EQ(show("Grid"), "[[1, 2], [3, 4]]");
  EXPECT_EQ(show("Blank"), "{}");
  EXPECT_EQ(show("Within"), "main.enclosed {Inner: {A: 1, B: -1}, Last: true}");
}

TEST_P(GoValues, Maps) {
  EXPECT_EQ(show("NilMap"), "map[string]int(nil)");
  EXPECT_EQ(show("EmptyMap"), "map[string]int (len 0)");
  EXPECT_EQ(show("OneMap"), R"(map[string]int (len 1) = {["one"] = 1})");
  EXPECT_EQ(show("Structs"),
            R"(map[main.point]string (len 1) = {[main.point {X: 1, Y: 2}] = "here"})");
  EXPECT_THAT(show("LargeKeys"),
              MatchesRegex(R"(map\[main.large\]int \(len 1\) = \{\[\[1, 2, 0 .*\]\] = 12\})"));
  EXPECT_THAT(show("LargeValues"), StartsWith("map[int]main.large (len 1) = {[5] = [5, 6, 0 "));
  EXPECT_EQ(show("Interfaces"),
            R"(map[interface {}]bool (len 1) = {[interface {}(string) "text"] = true})");
  EXPECT_EQ(
      show("MapOfMaps"),
      R"(map[string]map[string]int (len 1) = {["in"] = map[string]int (len 1) = {["ner"] = 1}})");
  EXPECT_EQ(show("Inventory"),
            R"(main.inventory (len 1) = {["origin"] = main.point {X: 0, Y: 0}})");
}

TEST_P(GoValues, EveryElementOfAMapIsThereOnce) {
  program_->options().elements = 0;
  const auto map = all_->member("Many");
  ASSERT_TRUE(map);
  const auto tree = value::render(*map, program_->printers(), program_->options());
  EXPECT_EQ(tree.text, "map[int]int (len 500)");
  std::vector<int> keys;
  for (const auto& child : tree.children) {
    keys.push_back(std::stoi(child.name.substr(1)));
    EXPECT_EQ(child.text, std::to_string(3 * keys.back()));
  }
  std::sort(keys.begin(), keys.end());
  ASSERT_EQ(keys.size(), 500U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(keys[static_cast<size_t>(i)], i);
}

TEST_P(GoValues, Channels) {
  EXPECT_EQ(show("NilChan"), "(chan int)(nil)");
  EXPECT_EQ(show("EmptyChan"), "chan int (len 0, cap 0)");
  EXPECT_EQ(show("FullChan"), "chan int (len 3, cap 3) = [1, 2, 3]");
  EXPECT_EQ(show("ClosedChan"), "chan int (len 1, cap 2, closed) = [9]");
  EXPECT_THAT(show("WaitedFor"),
              MatchesRegex(R"(chan int \(len 0, cap 0, receiving: goroutines [0-9]+, [0-9]+\))"));
  EXPECT_THAT(show("SentTo"),
              MatchesRegex(R"(chan string \(len 0, cap 0, sending: goroutine [0-9]+\))"));
  EXPECT_EQ(show("Receive"), "<-chan int (len 3, cap 3) = [1, 2, 3]");
}

TEST_P(GoValues, Interfaces) {
  EXPECT_EQ(show("NilAny"), "interface {}(nil)");
  EXPECT_EQ(show("AnyInt"), "interface {}(int) 5");
  EXPECT_EQ(show("AnyString"), R"(interface {}(string) "text")");
  EXPECT_EQ(show("AnyPoint"), "interface {}(main.point) {X: 1, Y: 2}");
  EXPECT_THAT(show("AnyPointer"),
              MatchesRegex(R"(interface \{\}\(\*main.point\) 0x[0-9a-f]+ \{X: 3, Y: 4\})"));
  EXPECT_EQ(show("AnySlice"), "interface {}([]int) []int (len 2, cap 2) = [1, 2]");
  EXPECT_EQ(show("AnyNilPointer"), "interface {}(*main.point) nil");
  EXPECT_EQ(show("NilError"), "error(nil)");
  EXPECT_THAT(show("Plain"),
              MatchesRegex(R"(error\(\*errors.errorString\) 0x[0-9a-f]+ \{s: "plain"\})"));
  EXPECT_THAT(show("Wrapped"),
              MatchesRegex(R"(error\(\*fmt.wrapError\) 0x[0-9a-f]+ \{msg: "wrapped: plain", )"
                           R"(err: error\(\*errors.errorString\) 0x[0-9a-f]+ \{s: "plain"\}\})"));
  EXPECT_THAT(show("Custom"), MatchesRegex(R"(error\(\*main.codeError\) 0x[0-9a-f]+ \{Code: 7\})"));
  EXPECT_EQ(show("NilShape"), "main.shape(nil)");
  EXPECT_EQ(show("Square"), "main.shape(main.square) {Side: 2}");
  EXPECT_THAT(show("Circle"),
              MatchesRegex(R"(main.shape\(\*main.circle\) 0x[0-9a-f]+ \{Radius: 3\})"));
}

TEST_P(GoValues, Pointers) {
  EXPECT_EQ(show("NilPointer"), "(*main.point)(nil)");
  EXPECT_THAT(show("Pointer"), MatchesRegex(R"(\(\*main.point\)\(0x[0-9a-f]+\) \{X: 5, Y: 6\})"));
  EXPECT_THAT(show("PointerToInt"), MatchesRegex(R"(\(\*int\)\(0x[0-9a-f]+\) = 11)"));
  EXPECT_THAT(
      show("PointerToPointer"),
      MatchesRegex(R"(\(\*\*main.point\)\(0x[0-9a-f]+\).* = \(\*main.point\)\(0x[0-9a-f]+\))"));
  EXPECT_THAT(show("Unsafe"), MatchesRegex(R"(unsafe.Pointer\(0x[0-9a-f]+\) <main.counter>)"));
  // One step: a list is not walked, and a circle ends.
  EXPECT_THAT(
      show("List"),
      MatchesRegex(
          R"(\(\*main.node\)\(0x[0-9a-f]+\) \{Value: 1, Next: \(\*main.node\)\(0x[0-9a-f]+\)\})"));
  EXPECT_THAT(show("Loop"), HasSubstr("{Value: 1, Next: (*main.node)(0x"));
  EXPECT_THAT(
      show("Promoted"),
      MatchesRegex(R"(main.outer \{middle: main.middle \{base: \(\*main.base\)\(0x[0-9a-f]+\), )"
                   R"(Level: 2\}, Name: "outer"\})"));
}

TEST_P(GoValues, Functions) {
  EXPECT_EQ(show("NilFunc"), "(func(int) int)(nil)");
  EXPECT_EQ(show("Named"), "main.double");
  EXPECT_THAT(show("Closure"), StartsWith("main.fill.func"));
  EXPECT_THAT(show("Method"), HasSubstr("Area-fm"));
  if (show("Closure").find('{') == std::string::npos)
    GTEST_SKIP() << "this version of Go does not say what closures capture";
  EXPECT_THAT(show("Closure"), EndsWith(" {offset: 10}"));
  EXPECT_THAT(show("ByReference"), EndsWith(" {calls: 1}"));
}

TEST_P(GoValues, Generics) {
  EXPECT_EQ(show("Pair"), R"(main.pair[string,int] {First: "first", Second: 2})");
  EXPECT_EQ(show("Pairs"),
            "[]main.pair[int,*main.point] (len 1, cap 1) = [main.pair[int,*main.point] {First: 1, "
            "Second: (*main.point)(nil)}]");
}

TEST_P(GoValues, Times) {
  EXPECT_EQ(show("Zero"), "0001-01-01 00:00:00 +0000 UTC");
  EXPECT_EQ(show("Noon"), "2024-02-29 12:00:00.0000005 +0000 UTC");
  EXPECT_EQ(show("Zoned"), "2024-02-29 12:00:00 +0130 HERE");
  EXPECT_EQ(show("NoDuration"), "0s");
  EXPECT_EQ(show("Duration"), "1h30m1.5s");
  EXPECT_EQ(show("Short"), "1.5\u00b5s");
  EXPECT_EQ(show("Negative"), "-1s");
}

TEST_P(GoValues, Locks) {
  EXPECT_EQ(show("Free"), "sync.Mutex [unlocked]");
  EXPECT_EQ(show("Held"), "sync.Mutex [locked]");
  EXPECT_EQ(show("FreeRW"), "sync.RWMutex [unlocked]");
  EXPECT_EQ(show("Read"), "sync.RWMutex [2 readers]");
  EXPECT_EQ(show("Writer"), "sync.RWMutex [write-locked]");
  EXPECT_EQ(show("Group"), "sync.WaitGroup [counter 2, 0 waiting]");
  EXPECT_EQ(show("Once"), "sync.Once [not done]");
  EXPECT_EQ(show("Done"), "sync.Once [done]");
  EXPECT_EQ(show("Box"), R"(interface {}(string) "boxed")");
  // Go 1.18 has no types of package atomic but that one.
  if (show("Atomics") == "main.atomics {}") return;
  EXPECT_THAT(show("Atomics"), MatchesRegex(R"(main.atomics \{Counter: -3, Flag: true, )"
                                            R"(Pointer: \(\*main.point\)\(0x[0-9a-f]+\)\})"));
}

TEST_P(GoValues, Contexts) {
  EXPECT_THAT(show("Background"), HasSubstr("context."));
  EXPECT_THAT(
      show("Valued"),
      MatchesRegex(
          R"(context.Context\(\*context.valueCtx\) 0x[0-9a-f]+ )"
          R"(\{key: interface \{\}\(main.key\) "user", value: interface \{\}\(string\) "ann", parent: .*\})"));
  EXPECT_THAT(show("Cancelled"), HasSubstr(R"(s: "context canceled")"));
  EXPECT_THAT(show("Cancelled"), HasSubstr(R"("user")"));
  EXPECT_THAT(show("Deadline"), HasSubstr("2100-01-01 00:00:00 +0000 UTC"));
}

/// Package variables of the sample program, without a frame.
class Package final : public lang::Environment {
 public:
  explicit Package(ShownProgram& program) : program_(program) {}

  value::Target& target() override { return program_.values(); }
  lang::Language language() override { return lang::Language::go; }
  const value::PrinterSet& printers() override { return program_.printers(); }
  lang::NameClass classify(const std::string& name) override {
    if (find(name) != nullptr) return lang::NameClass::type;
    return program_.values().global(whole(name)) ? lang::NameClass::object
                                                 : lang::NameClass::unknown;
  }
  Result<value::Value> variable(const std::string& name, const std::string&) override {
    if (const auto found = program_.values().global(whole(name))) return *found;
    return fail(ErrorCode::not_found, "there is no " + name);
  }
  Result<const value::Type*> type(const std::string& name, lang::TypeName::Tag) override {
    if (const value::Type* const found = find(name)) return found;
    return fail(ErrorCode::not_found, "there is no type " + name);
  }
  Result<value::Value> dollar(const std::string&) override { return value::Value(target()); }
  Status set_dollar(const std::string&, const value::Value&) override { return {}; }

 private:
  static std::string whole(const std::string& name) {
    return name.find('.') == name.npos ? "main." + name : name;
  }
  const value::Type* find(const std::string& name) {
    value::GoTypes& types = target().types().go();
    const value::Type* const found = types.find(target(), name);
    return found != nullptr ? found : types.find(target(), whole(name));
  }
  ShownProgram& program_;
};

class GoExpressions : public GoValues {
 protected:
  void expect(const std::vector<std::pair<const char*, const char*>>& cases) {
    Package package(*program_);
    for (const auto& [text, expected] : cases) {
      const auto value = lang::evaluate(text, package);
      EXPECT_EQ(value ? program_->text(*value)
                      : value.error().text.substr(0, value.error().text.find('\n')),
                expected)
          << text;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Builds, GoExpressions, testing::Values("values", "values_debug"),
                         [](const auto& build) { return std::string(build.param); });

TEST_P(GoExpressions, PartsOfValues) {
  expect({
      {"counter", "42"},
      {"main.counter + 1", "43"},
      {"all.Pointer.X", "5"},
      {"(*all.Pointer).Y", "6"},
      {"all.Promoted.ID", "1"},
      {"all.Promoted.Label", "\"base\""},
      {"all.Promoted.middle.Level", "2"},
      {"all.List.Next.Next.Value", "3"},
      {"all.AnyPoint.X", "1"},
      {"all.AnyPointer.Y", "4"},
      {"all.AnyPoint.(main.point).Y", "2"},
      {"all.AnyPointer.(*main.point).X", "3"},
      {"all.AnyInt.(int) + 1", "6"},
      {"all.Wrapped.err.s", "\"plain\""},
      {"all.Ints[1]", "2"},
      {"all.Ints[1:3]", "[]int (len 2, cap 4) = [2, 3]"},
      {"all.Ints[:2:3]", "[]int (len 2, cap 3) = [1, 2]"},
      {"all.Array[1:]", "[8, 9]"},
      {"all.Grid[1][0]", "3"},
      {"all.String[1]", "98"},
      {"all.String[1:]", "\"bc\""},
      {"all.OneMap[\"one\"]", "1"},
      {"all.Many[499]", "1497"},
      {"all.Structs[all.AnyPoint.(point)]", "\"here\""},
      {"all.MapOfMaps[\"in\"][\"ner\"]", "1"},
      {"all.Inventory[\"origin\"].X", "0"},
      {"all.Interfaces[\"text\"]", "true"},
      {"all.LargeKeys", "map[main.large]int (len 1) = {[[1, 2, 0 <repeats 198 times>]] = 12}"},
      {"all.LargeValues[5][1]", "6"},
      {"len(all.Ints) + cap(all.Half)", "13"},
      {"len(all.OneMap)", "1"},
      {"len(all.FullChan) * 10 + cap(all.ClosedChan)", "32"},
      {"len(all.Long)", "300"},
  });
}

TEST_P(GoExpressions, OperatorsAndConversions) {
  expect({
      {"all.String == \"abc\"", "true"},
      {"all.String + \"d\" > \"abcc\"", "true"},
      {"all.Int8 + 1 < 0 && all.Yes", "true"},
      {"all.NilPointer == nil", "true"},
      {"all.Plain != nil", "true"},
      {"all.NilError == nil || all.NilAny != nil", "true"},
      {"all.AnyInt == 5", "true"},
      {"all.AnyString == \"text\"", "true"},
      {"all.AnyPoint == all.Points[0]", "true"},
      {"all.Points[0] == all.Points[1]", "false"},
      {"all.Wrapped.err == all.Plain", "true"},
      {"all.NilSlice == nil", "true"},
      {"all.OneMap == nil", "false"},
      {"float64(all.Int) / 3", "-21.333333333333332"},
      {"all.Int / 3", "-21"},
      {"uint8(all.Int16)", "240"},
      {"string(all.Bytes)", "\"hello\""},
      {"string(all.Int32)", "\"\u00e9\""},
      {"all.Complex128 * 2", "(-1-2i)"},
      {"real(all.Complex64)", "1"},
      {"all.Temperature + 0.5", "37.1"},
      {"*&all.Ints[2]", "3"},
      {"*(*int)(all.Unsafe)", "42"},
      {"all.Duration + all.Negative", "1h30m0.5s"},
      {"all.Duration > 90 * 60000000000", "true"},
      {"string(0x4e2d)", "\"\u4e2d\""},
  });
}

TEST_P(GoExpressions, WhatIsWrongIsSaid) {
  expect({
      {"all.Ints[5]", "the index 5 is out of range: there are 5 elements"},
      {"all.Ints[3:9]", "[3:9] is out of range: the capacity is 5"},
      {"all.OneMap[\"two\"]", "the map has no element with this key"},
      {"all.OneMap[2]", "a number is no string"},
      {"all.NilPointer.X", "the pointer is nil"},
      {"all.NilAny.X", "the interface is nil"},
      {"all.AnyInt.(string)", "the interface holds a int, no string"},
      {"all.Ints == all.Half", "a []int can be compared with nil alone"},
      {"all.Yes + 1", "a number is no bool"},
      {"[]main.kinds(nil)", "the program has no type []main.kinds"},
      {"all.Nonsense", "main.kinds has no field Nonsense; clew does not call methods"},
      {"all.Int + all.Int8", "+ of int and int8: both must have one type, as in int(x)"},
      {"main.Nothing", "there is no main.Nothing"},
  });
}

TEST_P(GoValues, RawShowsTheFields) {
  program_->options().raw = true;
  EXPECT_THAT(show("String"),
              MatchesRegex(R"(string \{str: \(\*uint8\)\(0x[0-9a-f]+\).*, len: 3\})"));
  EXPECT_THAT(show("Ints"), HasSubstr("len: 5, cap: 5"));
  EXPECT_THAT(show("AnyInt"), HasSubstr("_type: "));
  EXPECT_THAT(show("Held"), HasSubstr("state"));
}

}  // namespace
}  // namespace clew::test
