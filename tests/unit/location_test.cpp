// Locations, in this very program.

#include "session/location.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

namespace clew {

// What the tests look for. Their lines are known by where they stand.
namespace sample {

constexpr unsigned first_line = __LINE__ + 1;
[[gnu::noinline]] int chosen(int n) {
  // a comment without code
  asm volatile("");
  return n + 1;
}
[[gnu::noinline]] int chosen(double n) {
  asm volatile("");
  return static_cast<int>(n) + 2;
}
template <typename T>
[[gnu::noinline]] T instance(T n) {
  asm volatile("");
  return n + n;
}

}  // namespace sample

namespace {

using Kind = Location::Kind;

TEST(ParseLocation, KnowsEveryForm) {
  EXPECT_EQ(parse_location("")->kind, Kind::current);
  EXPECT_EQ(parse_location("  ")->kind, Kind::current);

  const auto line = parse_location("main.c:12");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->kind, Kind::line);
  EXPECT_EQ(line->file, "main.c");
  EXPECT_EQ(line->line, 12U);
  EXPECT_EQ(parse_location("12")->line, 12U);
  EXPECT_EQ(parse_location("12")->file, "");
  EXPECT_EQ(parse_location("'a b.c':3")->file, "a b.c");
  EXPECT_EQ(parse_location("C:/src/a.c:3")->kind, Kind::function);

  EXPECT_EQ(parse_location("+3")->offset, 3);
  EXPECT_EQ(parse_location("-4")->offset, -4);
  EXPECT_EQ(parse_location("-4")->kind, Kind::relative);

  EXPECT_EQ(parse_location("*0x12 + 4")->expression, "0x12 + 4");
  EXPECT_EQ(parse_location("* $pc")->kind, Kind::address);

  EXPECT_EQ(parse_location("ns::f")->kind, Kind::function);
  EXPECT_EQ(parse_location("ns::f")->name, "ns::f");
  EXPECT_EQ(parse_location("ns::f(a::b, int)")->name, "ns::f(a::b, int)");
  EXPECT_EQ(parse_location("a.cpp:ns::f")->file, "a.cpp");
  EXPECT_EQ(parse_location("a.cpp:ns::f")->name, "ns::f");
  EXPECT_EQ(parse_location("'f(int)'")->name, "f(int)");
  EXPECT_EQ(parse_location("f<&a::b>")->file, "");
}

TEST(ParseLocation, RefusesWhatIsNone) {
  for (const char* const text : {"*", "+", "+x", "- ", "a.c:", ":12", "a.c:0", "0"}) {
    const auto location = parse_location(text);
    ASSERT_FALSE(location) << text;
    EXPECT_EQ(location.error().code, ErrorCode::bad_request) << text;
  }
}

class ResolveLocation : public testing::Test {
 protected:
  ResolveLocation() : proc_(os::ProcDir::open(getpid()).value()), symbols_(proc_, {}) {
    // As line tables tell it; __FILE__ can be relative to where the compiler ran.
    context_.line = {CLEW_SOURCE_DIR "/tests/unit/location_test.cpp", sample::first_line, 0};
    context_.evaluate = [](const std::string& text) -> Result<uint64_t> {
      if (text == "here") return reinterpret_cast<uint64_t>(&sample::instance<int>);
      return fail(ErrorCode::bad_request, "unknown");
    };
  }

  Result<std::vector<CodeLocation>> resolve(const std::string& text) {
    return resolve_location(symbols_, parse_location(text).value(), context_);
  }
  std::multiset<std::string> functions(const std::string& text) {
    std::multiset<std::string> names;
    const auto found = resolve(text);
    if (!found) return {found.error().text};
    for (const CodeLocation& place : *found) names.insert(place.function);
    return names;
  }

  os::ProcDir proc_;
  Symbols symbols_;
  LocationContext context_;
};

using Names = std::multiset<std::string>;

TEST_F(ResolveLocation, ByFunction) {
  // Also makes sure that they are there.
  EXPECT_EQ(sample::chosen(1) + sample::chosen(2.0) + sample::instance(3), 12);
  EXPECT_EQ(static_cast<int>(sample::instance(1.5)), 3);
  EXPECT_EQ(functions("sample::chosen"), (Names{"clew::sample::chosen", "clew::sample::chosen"}));
  EXPECT_EQ(functions("sample::chosen(double)"), Names{"clew::sample::chosen"});
  EXPECT_EQ(functions("sample::instance").size(), 2U);
  EXPECT_EQ(functions("location_test.cpp:chosen").size(), 2U);
  const auto found = resolve("sample::chosen(int)");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  const CodeLocation& place = found->front();
  int (*const function)(int) = sample::chosen;
  EXPECT_EQ(place.address.value, reinterpret_cast<uint64_t>(function));
  EXPECT_EQ(place.line.line, sample::first_line);
  EXPECT_GE(place.stop, place.address);
  EXPECT_EQ(place.description(),
            "location_test.cpp:" + std::to_string(sample::first_line) + " in clew::sample::chosen");
}

TEST_F(ResolveLocation, ByLine) {
  const std::string file = "location_test.cpp:";
  const auto with = [&](unsigned line) { return functions(file + std::to_string(line)); };
  EXPECT_EQ(with(sample::first_line + 3), Names{"clew::sample::chosen"});
  // A comment is the next line with code.
  const auto comment = resolve(file + std::to_string(sample::first_line + 1));
  ASSERT_TRUE(comment);
  EXPECT_GT(comment->front().line.line, sample::first_line + 1);
  EXPECT_LE(comment->front().line.line, sample::first_line + 3);
  // The current file and line.
  EXPECT_EQ(functions(std::to_string(sample::first_line + 3)), Names{"clew::sample::chosen"});
  EXPECT_EQ(functions("+3"), Names{"clew::sample::chosen"});
  // A line of a template is in each of its instances.
  EXPECT_EQ(with(sample::first_line + 12).size(), 2U);
}

TEST_F(ResolveLocation, ByAddress) {
  const auto found = resolve("*here");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().function, "clew::sample::instance<int>");
  // Who names an address means no other.
  EXPECT_EQ(found->front().stop, found->front().address);
  EXPECT_EQ(resolve("*nowhere").error().text, "unknown");
}

TEST_F(ResolveLocation, WhatIsNotThere) {
  EXPECT_EQ(resolve("no_such_function_anywhere").error().code, ErrorCode::not_found);
  EXPECT_EQ(resolve("no_such_file.c:1").error().code, ErrorCode::not_found);
  EXPECT_EQ(resolve("location_test.cpp:999999").error().code, ErrorCode::not_found);
  context_.line = {};
  EXPECT_EQ(resolve("12").error().code, ErrorCode::bad_request);
  EXPECT_EQ(resolve("+1").error().code, ErrorCode::bad_request);
}

TEST_F(ResolveLocation, PlacesHaveNames) {
  double (*const function)(double) = sample::instance<double>;
  const Addr entry{reinterpret_cast<uint64_t>(function)};
  const NamedPlace& place = symbols_.place(entry + 1);
  EXPECT_EQ(place.function, "clew::sample::instance<double>");
  EXPECT_EQ(place.offset, 1U);
  EXPECT_EQ(place.line.line, sample::first_line + 10);
  EXPECT_EQ(place.description(0).substr(0, 32), "clew::sample::instance<double>+0");
  EXPECT_EQ(place.description(10).substr(0, 12), "clew::sam…");
  // A call that ends a function returns behind it.
  EXPECT_EQ(symbols_.place(entry + 1, true).offset, 1U);
  EXPECT_EQ(symbols_.place({16}).function, "");
}

}  // namespace
}  // namespace clew
