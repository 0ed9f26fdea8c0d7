#include "sym/name_path.h"

#include <dwarf.h>
#include <gtest/gtest.h>

#include "sym/dwarf_names.h"

namespace clew::sym {
namespace {

/// The parts as "a | b<int> | f" and the parameters behind them.
std::string shown(const NamePath& path) {
  std::string text = path.is_absolute ? ":: " : "";
  for (const NamePart& part : path.parts) {
    if (&part != path.parts.data()) text += " | ";
    text += part.base + part.arguments;
  }
  return text + path.parameters;
}

TEST(NamePath, OfCAndCppAndRust) {
  const std::pair<const char*, const char*> cases[] = {
      {"f", "f"},
      {"::f", ":: f"},
      {"ns::C::f", "ns | C | f"},
      {"f(int)", "f(int)"},
      {"f(void)", "f()"},
      {"f<int>", "f<int>"},
      {"a::b<c::d, 3>::g<int(*)(char)>(int) const", "a | b<c::d,3> | g<int(*)(char)>(int)"},
      {"(anonymous namespace)::f(int)", "(anonymous namespace) | f(int)"},
      {"operator<", "operator<"},
      {"ns::operator<<", "ns | operator<<"},
      {"operator<< <int>(int)", "operator<<<int>(int)"},
      {"C::operator()(int)", "C | operator()(int)"},
      {"C::operator bool", "C | operator bool"},
      {"C::operator->() const", "C | operator->()"},
      {"a::operator new[](unsigned long)", "a | operator new[](unsigned long)"},
      {"operator<=>", "operator<=>"},
      {"<t::Foo as t::Tr>::bar", "<t::Foo as t::Tr> | bar"},
      {"t::main::{closure#0}", "t | main | {closure#0}"},
      {"f(<lambda(int)>) [clone .isra.0]", "f(<lambda(int)>)"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(shown(split_name(text)), wanted) << text;
}

TEST(NamePath, OfGo) {
  EXPECT_EQ(shown(split_go_name("main.f")), "main | f");
  EXPECT_EQ(shown(split_go_name("github.com/a.b/c.(*T).M")), "c | (*T) | M");
  EXPECT_EQ(split_go_name("github.com/a.b/c.(*T).M").directory, "github.com/a.b");
  EXPECT_EQ(split_go_name("main.f").directory, "");
  const NamePath generic = split_go_name("a/b.(*T[go.shape.int]).M");
  EXPECT_EQ(generic.parts.at(1).base, "(*T)");
  EXPECT_EQ(generic.parts.at(1).arguments, "[go.shape.int]");
  EXPECT_EQ(shown(split_go_name("main.Map[go.shape.int]")), "main | Map[go.shape.int]");
}

TEST(NamePath, OfNonsenseIsSomething) {
  for (const char* const text : {"", "::", "a::", "<", ">", "f(((", "a<b", ")", "operator", "::::"})
    EXPECT_GE(split_name(text).parts.size(), 1U) << text;
}

TEST(NamePath, TypesHaveOneForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"(const char *, long unsigned int)", "(char const*,unsigned long)"},
      {"(char const*, unsigned long)", "(char const*,unsigned long)"},
      {"(unsigned)", "(unsigned int)"},
      {"(long long int, short)", "(long long,short)"},
      {"(signed char, char)", "(signed char,char)"},
      {"(struct item const&)", "(item const&)"},
      {"(const std::vector<int, std::allocator<int> >&)",
       "(std::vector<int,std::allocator<int>> const&)"},
      {"(const A<const B>&)", "(A<B const> const&)"},
      {"(char *const *)", "(char* const*)"},
      {"( void )", "()"},
      {"(void *)", "(void*)"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(canonical_types(text), wanted) << text;
}

TEST(BaseName, LeavesOutTemplateArguments) {
  const std::pair<const char*, const char*> cases[] = {
      {"f", "f"},
      {"f<int>", "f"},
      {"Box<Box<char, 2>, 4>", "Box"},
      {"operator<", "operator<"},
      {"operator<< <std::char_traits<char> >", "operator<<"},
      {"operator<<int>", "operator<"},
      {"operator->", "operator->"},
      {"operator()", "operator()"},
      {"operator bool", "operator bool"},
      {"operators<int>", "operators"},
      {"<lambda(int)>", "<lambda(int)>"},
      {"{closure#0}", "{closure#0}"},
      {"", ""},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(base_name(text, 0), wanted) << text;
}

TEST(BaseName, OfGoIsTheLastPart) {
  EXPECT_EQ(base_name("main.f", DW_LANG_Go), "f");
  EXPECT_EQ(base_name("github.com/a.b/c.(*T[go.shape.int]).M[x]", DW_LANG_Go), "M");
  EXPECT_EQ(base_name("int", DW_LANG_Go), "int");
}

TEST(HashName, DependsOnEveryByte) {
  const std::string name = "a name of more than eight bytes";
  for (size_t i = 0; i < name.size(); ++i) {
    std::string other = name;
    other[i] ^= 1;
    EXPECT_NE(hash_name(name), hash_name(other)) << i;
  }
  EXPECT_NE(hash_name("a"), hash_name(std::string_view("a\0", 2)));
}

}  // namespace
}  // namespace clew::sym
