#include "sym/code.h"

#include <dwarf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "symbol_fixture.h"

namespace clew::sym {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;

struct Expected {
  const char* place;
  std::vector<const char*> names;  // any of these for the innermost
};

/// Programs from one source, by name.
class CppPlaces : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!SymbolProgram::exists(GetParam())) GTEST_SKIP() << "its compiler is not installed";
  }
  SymbolProgram program_{GetParam(), "places.cpp"};
};

TEST_P(CppPlaces, HaveTheirNamesAndLines) {
  ASSERT_TRUE(program_.is_open());
  const std::vector<Expected> expected = {
      {"constructor", {"outer::inner::Type::Type"}},
      {"method", {"outer::inner::Type::act"}},
      {"static_method", {"outer::inner::Type::fixed"}},
      {"anonymous", {"outer::inner::(anonymous namespace)::hidden"}},
      {"method_template", {"outer::inner::Type::pass<int>"}},
      {"function_template", {"outer::inner::twice<long int>", "outer::inner::twice<long>"}},
      {"call_operator", {"outer::inner::Type::operator()"}},
      {"plain", {"plain_c_name"}},
      {"local_class", {"main()::Local::inside"}},
      {"lambda",
       {"main::{lambda(int)#1}::operator()", "main::$_0::operator()",
        "main()::{unnamed}::operator()"}},
      {"after_main", {"rare"}},
  };
  for (const Expected& e : expected) {
    SCOPED_TRACE(e.place);
    const uint64_t address = program_.place(e.place);
    ASSERT_NE(address, 0U);
    const auto functions = functions_at(program_.module(), address);
    ASSERT_FALSE(functions.empty());
    EXPECT_THAT(e.names, testing::Contains(functions.front().name));
    EXPECT_NE(functions.front().die.addr, nullptr);
    const auto line = line_at(program_.module(), address);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->file, program_.source());
    EXPECT_EQ(line->line, program_.line(e.place));
    if (e.place == std::string_view("lambda")) continue;  // gcc does not say where it is declared
    const auto declared = declared_at(program_.module(), functions.front().die);
    ASSERT_TRUE(declared);
    EXPECT_EQ(declared->file, program_.source());
    EXPECT_LT(declared->line, line->line + 30);
  }
}

TEST_P(CppPlaces, InlinedCopiesAreFunctionsOfTheirOwn) {
  ASSERT_TRUE(program_.is_open());
  const uint64_t address = program_.place("inlined");
  const auto functions = functions_at(program_.module(), address);
  ASSERT_EQ(functions.size(), 3U);
  EXPECT_EQ(functions[0].name, "deepest");
  EXPECT_EQ(functions[1].name, "middle");
  EXPECT_EQ(functions[2].name, "holder");
  EXPECT_TRUE(functions[0].is_inlined);
  EXPECT_TRUE(functions[1].is_inlined);
  EXPECT_FALSE(functions[2].is_inlined);
  EXPECT_EQ(functions[0].call_site.line, program_.line("middle"));
  EXPECT_EQ(functions[1].call_site.line, program_.line("holder"));
  EXPECT_EQ(functions[0].call_site.file, program_.source());
  EXPECT_EQ(functions[2].call_site, SourceLine());
  EXPECT_EQ(functions[2].linkage_name, "_Z6holderi");
  EXPECT_EQ(functions[2].entry, program_.symbol("_Z6holderi"));
  Dwarf_Die die = functions[0].die;
  EXPECT_EQ(dwarf_tag(&die), DW_TAG_inlined_subroutine);
  die = functions[2].die;
  EXPECT_EQ(dwarf_tag(&die), DW_TAG_subprogram);
}

TEST_P(CppPlaces, LinesLeadBackToTheirCode) {
  ASSERT_TRUE(program_.is_open());
  for (const char* place : {"method", "plain", "inlined", "lambda"}) {
    SCOPED_TRACE(place);
    const unsigned line = program_.line(place);
    const auto names = names_at(program_.module(), program_.place(place));
    for (const std::string& file :
         {program_.source(), std::string("places.cpp"), std::string("sym/places.cpp"),
          std::string("./sym/../sym/places.cpp")}) {
      const LineCode code = code_of_line(program_.module(), file, line);
      EXPECT_TRUE(code.exact);
      bool found = false;
      for (const LineRange& range : code.ranges) {
        EXPECT_EQ(range.line.line, line);
        found |= names_at(program_.module(), range.start) == names;
      }
      EXPECT_TRUE(found) << file;
    }
  }
  EXPECT_THAT(code_of_line(program_.module(), "laces.cpp", 30).ranges, IsEmpty());
  EXPECT_THAT(code_of_line(program_.module(), "other/places.cpp", 30).ranges, IsEmpty());
  EXPECT_THAT(code_of_line(program_.module(), "places.cpp", 100000).ranges, IsEmpty());
}

TEST_P(CppPlaces, ALineWithoutCodeStandsForTheNextOneThatHasSome) {
  ASSERT_TRUE(program_.is_open());
  // The blank line before main and its first statement's comment-free lines have none.
  const unsigned line = program_.line("plain") + 3;
  const LineCode code = code_of_line(program_.module(), "places.cpp", line);
  EXPECT_FALSE(code.exact);
  ASSERT_FALSE(code.ranges.empty());
  EXPECT_GT(code.ranges.front().line.line, line);
}

TEST_P(CppPlaces, TheUnitIsFoundByAddress) {
  ASSERT_TRUE(program_.is_open());
  Dwarf_Die unit;
  ASSERT_TRUE(unit_at(program_.module(), program_.place("plain"), unit));
  EXPECT_EQ(dwarf_tag(&unit), DW_TAG_compile_unit);
  EXPECT_FALSE(unit_at(program_.module(), 1, unit));
  EXPECT_FALSE(unit_at(program_.module(), UINT64_MAX, unit));
}

constexpr auto cpp_programs = {
    "gcc-O0-dwarf2",   "gcc-O0-dwarf3",   "gcc-O0-dwarf4",   "gcc-O0-dwarf5",   "gcc-O2-dwarf2",
    "gcc-O2-dwarf3",   "gcc-O2-dwarf4",   "gcc-O2-dwarf5",   "clang-O0-dwarf2", "clang-O0-dwarf3",
    "clang-O0-dwarf4", "clang-O0-dwarf5", "clang-O2-dwarf2", "clang-O2-dwarf3", "clang-O2-dwarf4",
    "clang-O2-dwarf5", "gcc-O3",          "gcc-lto",         "gcc-types",       "gcc-types5",
    "gcc-dwarf64",     "gcc-static",      "gcc-gc",          "gcc-zlib",        "gcc-zlib-gnu",
    "gcc-split4",      "gcc-split5",      "clang-split4",    "clang-split5",    "gcc-package4",
    "clang-package4",  "clang-package5",  "gcc-split-types", "gcc-split-zlib"};

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Programs, CppPlaces, testing::ValuesIn(cpp_programs), test_name);

class RustPlaces : public CppPlaces {
 protected:
  SymbolProgram rust_{GetParam(), "places.rs"};
};

TEST_P(RustPlaces, HaveTheirNamesAndLines) {
  ASSERT_TRUE(rust_.is_open());
  const std::map<std::string, std::string> names = {
      {"method", "places::shapes::Square::area"},
      {"trait_method", "<places::shapes::Square as core::fmt::Display>::fmt"},
      {"closure", "places::main::{closure#0}"},
      {"inlined", "places::deepest"},
  };
  for (const auto& [place, name] : names) {
    SCOPED_TRACE(place);
    const auto functions = functions_at(rust_.module(), rust_.place(place));
    ASSERT_FALSE(functions.empty());
    EXPECT_EQ(functions.front().name, name);
    EXPECT_EQ(functions.front().language, DW_LANG_Rust);
    const auto line = line_at(rust_.module(), rust_.place(place));
    ASSERT_TRUE(line);
    EXPECT_EQ(line->file, rust_.source());
    EXPECT_EQ(line->line, rust_.line(place));
  }
  const auto chain = functions_at(rust_.module(), rust_.place("inlined"));
  ASSERT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain[1].name, "places::holder");
  EXPECT_EQ(chain[0].call_site.line, rust_.line("holder"));
}

INSTANTIATE_TEST_SUITE_P(Programs, RustPlaces, testing::Values("rust-debug", "rust-release"),
                         test_name);

class CPlaces : public CppPlaces {
 protected:
  SymbolProgram c_{GetParam(), "places.c"};
};

TEST_P(CPlaces, HaveTheirNamesAndLines) {
  ASSERT_TRUE(c_.is_open());
  EXPECT_THAT(names_at(c_.module(), c_.place("plain")), ElementsAre("file_local"));
  EXPECT_THAT(names_at(c_.module(), c_.place("inlined")), ElementsAre("inlined", "holder"));
  EXPECT_EQ(line_at(c_.module(), c_.place("plain"))->line, c_.line("plain"));
}

TEST_P(CPlaces, ThePrologueEndsWhereArgumentsAreInPlace) {
  ASSERT_TRUE(c_.is_open());
  const uint64_t entry = c_.symbol("prologue");
  const uint64_t after = after_prologue(c_.module(), entry);
  EXPECT_GE(after, entry);
  EXPECT_EQ(functions_at(c_.module(), after).back().name, "prologue");
  if (std::string_view(GetParam()).ends_with("O0")) {
    EXPECT_GT(after, entry);
    EXPECT_EQ(line_at(c_.module(), after)->line, c_.line("prologue_body"));
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, CPlaces,
                         testing::Values("c-O0", "c-O2", "c-clang-O0", "c-clang-O2"), test_name);

TEST(CodeWithoutDebugInformation, HasTheNamesOfSymbols) {
  const SymbolProgram program("gcc-nodebug", "places.cpp");
  ASSERT_TRUE(program.is_open());
  const auto functions = functions_at(program.module(), program.place("static_method") + 1);
  // The mark is a symbol of its own, that of the function lies around it.
  ASSERT_EQ(functions.size(), 1U);
  EXPECT_EQ(functions[0].name, "outer::inner::Type::fixed(int)");
  EXPECT_EQ(functions[0].linkage_name, "_ZN5outer5inner4Type5fixedEi");
  EXPECT_EQ(functions[0].die.addr, nullptr);
  EXPECT_FALSE(line_at(program.module(), program.place("plain")));
  EXPECT_EQ(after_prologue(program.module(), 0x1234), 0x1234U);
  EXPECT_THAT(names_at(program.module(), 5), IsEmpty());
}

}  // namespace
}  // namespace clew::sym
