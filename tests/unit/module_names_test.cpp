// What is found under a name, in the sample programs of tests/fixtures/names.

#include "sym/module_names.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

namespace clew::sym {
namespace {

class Program {
 public:
  explicit Program(const std::string& name) {
    const std::string path = CLEW_FIXTURES "/names/" + name;
    auto image = ElfImage::open_path(path);
    EXPECT_TRUE(image);
    module_ = Module::create(std::move(*image), path, nullptr);
    WorkControl control;
    names_ = ModuleNames::load(module_, NameCache(""), 2, control).value();
  }
  static bool exists(const std::string& name) {
    return std::filesystem::exists(CLEW_FIXTURES "/names/" + name);
  }

  const ModuleNames& names() const { return *names_; }
  /// The names of all places, "NAME" or "NAME (inlined)", each as often as it is there.
  std::multiset<std::string> functions(const std::string& name) const {
    std::multiset<std::string> found;
    for (const FunctionAt& function : names_->functions(NameQuery::parse(name).value())) {
      EXPECT_NE(function.entry, 0U);
      // The place is the function's own.
      const auto there = functions_at(*module_, function.entry);
      EXPECT_FALSE(there.empty());
      found.insert(function.name + (function.is_inlined ? " (inlined)" : ""));
    }
    return found;
  }
  std::multiset<std::string> others(const std::string& name) const {
    std::multiset<std::string> found;
    const NameKinds kinds{NameKind::variable, NameKind::type, NameKind::enumerator};
    for (const FoundName& other : names_->find(NameQuery::parse(name).value(), kinds))
      found.insert(other.name);
    return found;
  }

 private:
  std::shared_ptr<const Module> module_;
  std::shared_ptr<const ModuleNames> names_;
};

using Names = std::multiset<std::string>;

class CppNames : public testing::TestWithParam<const char*> {};

TEST_P(CppNames, OfFunctions) {
  const Program program(GetParam());
  EXPECT_EQ(program.functions("total(int)"), Names{"shop::v2::Item::total"});
  EXPECT_EQ(program.functions("total(char const*)").size(), 1U);
  EXPECT_EQ(program.functions("total").size(), 2U);
  // dwz 0.15 drops what says that v2 is an inline namespace.
  const bool inline_is_known = std::string_view(GetParam()) != "gxx_dwz_a";
  EXPECT_EQ(program.functions("shop::Item::total").size(), inline_is_known ? 2U : 0U);
  EXPECT_EQ(program.functions("shop::v2::Item::total").size(), 2U);
  EXPECT_EQ(program.functions("Other::total"), Names{});
  EXPECT_EQ(program.functions("overloaded").size(), 3U);
  EXPECT_EQ(program.functions("overloaded(double)"), Names{"overloaded"});
  EXPECT_EQ(program.functions("overloaded(const char * const *, unsigned long)").size(), 1U);
  EXPECT_EQ(program.functions("overloaded(char)"), Names{});
  EXPECT_EQ(program.functions("largest").size(), 3U);
  EXPECT_EQ(program.functions("largest<int>").size(), 1U);
  EXPECT_EQ(program.functions("largest<double>(double, double)").size(), 1U);
  EXPECT_EQ(program.functions("folded"), (Names{"folded (inlined)", "folded (inlined)"}));
  EXPECT_EQ(program.functions("find").size(), 2U);
  EXPECT_EQ(program.functions("(anonymous namespace)::find").size(), 1U);
  EXPECT_EQ(program.functions("find(int)").size(), 2U);
  EXPECT_EQ(program.functions("Item::operator+=").size(), 1U);
  EXPECT_EQ(program.functions("Item::operator<").size(), 1U);
  EXPECT_EQ(program.functions("Box<char, 2>::at").size(), 1U);
  EXPECT_EQ(program.functions("Part::weigh"), Names{"shop::v2::Item::Part::weigh"});
  EXPECT_EQ(program.functions("::main"), Names{"main"});
  EXPECT_EQ(program.functions("::total"), Names{});
  EXPECT_EQ(program.functions("plain_c_name"), Names{"plain_c_name"});
  EXPECT_EQ(program.functions("no_such_function"), Names{});
}

TEST_P(CppNames, OfTypesVariablesAndEnumerators) {
  const Program program(GetParam());
  EXPECT_EQ(program.others("Item"), Names{"shop::v2::Item"});
  EXPECT_EQ(program.others("shop::Items"), Names{"shop::Items"});
  EXPECT_EQ(program.others("Box").size(), 3U);
  EXPECT_EQ(program.others("Box<char,2>").size(), 1U);
  EXPECT_EQ(program.others("red"), Names{"shop::red"});
  EXPECT_EQ(program.others("Colour::red"), Names{"shop::red"});
  EXPECT_EQ(program.others("Size::large"), Names{"shop::Size::large"});
  EXPECT_EQ(program.others("Item::made"), Names{"shop::v2::Item::made"});
  EXPECT_EQ(program.others("per_thread"), Names{"per_thread"});
  EXPECT_EQ(program.others("with_locals::calls"), Names{"with_locals::calls"});
  EXPECT_EQ(program.others("file_static").size(), 2U);
  EXPECT_EQ(program.others("no_such_thing"), Names{});
}

INSTANTIATE_TEST_SUITE_P(Formats, CppNames,
                         testing::Values("gxx_O0_dwarf4", "gxx_O0_dwarf5", "gxx_types4",
                                         "gxx_types5", "gxx_dwarf64", "gxx_packed", "gxx_dwz_a",
                                         "gxx_dwz_alone", "gxx_gdb_index", "clangxx_O0_dwarf4",
                                         "clangxx_O0_dwarf5", "gxx_split4", "gxx_split5",
                                         "clangxx_types5", "clangxx_pubnames", "clangxx_simple"));

TEST(RustNames, OfMethodsAndGenericInstances) {
  const Program program("rust_O0");
  EXPECT_EQ(program.functions("Item::total").size(), 1U);
  EXPECT_EQ(program.functions("<Item as Total>::total").size(), 0U);
  EXPECT_EQ(
      program.functions("<names::shop::inner::Item as names::shop::inner::Total>::total").size(),
      1U);
  EXPECT_EQ(program.functions("total").size(), 2U);
  EXPECT_EQ(program.functions("names::shop::inner::Item::new").size(), 1U);
  EXPECT_EQ(program.functions("scaled").size(), 2U);
  EXPECT_EQ(program.functions("scaled<i32>").size(), 1U);
  EXPECT_EQ(program.functions("names::main::{closure#0}").size(), 1U);
  EXPECT_EQ(program.others("inner::COUNTER"), Names{"names::shop::inner::COUNTER"});
  EXPECT_EQ(program.others("Plain::Two"), Names{"names::shop::inner::Plain::Two"});
}

TEST(SymbolNames, AreFoundWithoutDebugInformation) {
  // The C library's own: what its debug information would tell is not installed everywhere.
  std::string path;
  for (const char* const candidate :
       {"/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"}) {
    if (std::filesystem::exists(candidate)) path = candidate;
  }
  if (path.empty()) GTEST_SKIP() << "no libstdc++ here";
  const auto module = Module::create(std::move(*ElfImage::open_path(path)), path, nullptr);
  WorkControl control;
  const auto names = ModuleNames::load(module, NameCache(""), 1, control).value();
  const auto found = names->functions(NameQuery::parse("std::terminate").value());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].name, "std::terminate");
  EXPECT_EQ(found[0].linkage_name, "_ZSt9terminatev");
  EXPECT_GE(names->functions(NameQuery::parse("append(char const*)").value()).size(), 1U);
}

TEST(NameQuery, WithoutANameIsRefused) {
  for (const char* const text : {"", "::", "a::", "a::::b"})
    EXPECT_FALSE(NameQuery::parse(text)) << text;
}

}  // namespace
}  // namespace clew::sym
