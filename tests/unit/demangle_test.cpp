#include "sym/demangle.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace clew::sym {
namespace {

struct Pair {
  const char* mangled;
  const char* plain;
};

class Demangled : public testing::TestWithParam<Pair> {};

TEST_P(Demangled, IsAsItsLanguageWritesIt) {
  EXPECT_EQ(demangle(GetParam().mangled), GetParam().plain);
}

INSTANTIATE_TEST_SUITE_P(
    Cpp, Demangled,
    testing::Values(Pair{"_ZN2ns4Type1fEiPKc", "ns::Type::f(int, char const*)"},
                    Pair{"_ZNSt6vectorIiSaIiEE9push_backERKi",
                         "std::vector<int, std::allocator<int> >::push_back(int const&)"},
                    Pair{"_ZN12_GLOBAL__N_16hiddenEv", "(anonymous namespace)::hidden()"},
                    Pair{"_ZZ4mainENKUlvE_clEv", "main::{lambda()#1}::operator()() const"},
                    Pair{"_ZL5localv", "local()"}, Pair{"_ZTV4Base", "vtable for Base"},
                    Pair{"_ZN1AC2Ev", "A::A()"}, Pair{"_Z1fv.cold", "f() [clone .cold]"},
                    Pair{"_Z1fi.constprop.0.isra.3", "f(int) [clone .constprop.0] [clone .isra.3]"},
                    Pair{"_ZNSaIcEC1Ev@@GLIBCXX_3.4",
                         "std::allocator<char>::allocator()@@GLIBCXX_3.4"},
                    Pair{"_Z3addIiET_S0_S0_", "int add<int>(int, int)"},
                    Pair{"_GLOBAL__sub_I_main.cpp", "_GLOBAL__sub_I_main.cpp"}));

INSTANTIATE_TEST_SUITE_P(
    Rust, Demangled,
    testing::Values(Pair{"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE",
                         "core::fmt::Formatter::write_str"},
                    Pair{"_ZN60_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$3fmt"
                         "17h0123456789abcdefE",
                         "<alloc::string::String as core::fmt::Display>::fmt"},
                    Pair{
                        "_ZN4main4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.8125",
                        "main::main::{{closure}}"},
                    Pair{"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
                    Pair{"_RNvNtCs1234_7mycrate3foo3bar.llvm.AB12", "mycrate::foo::bar"},
                    Pair{"_RNCNvC7mycrate4main0B3_", "mycrate::main::{closure#0}"},
                    Pair{"_RINvNtC3std3mem8align_ofjE", "std::mem::align_of::<usize>"}));

INSTANTIATE_TEST_SUITE_P(Others, Demangled,
                         testing::Values(Pair{"main", "main"}, Pair{"", ""}, Pair{"_Z", "_Z"},
                                         Pair{"_R", "_R"}, Pair{"i", "i"}, Pair{"_ZN", "_ZN"},
                                         Pair{"main.(*T).run", "main.(*T).run"},
                                         Pair{"_start", "_start"}));

/// f(T0, T1, …) where each type is a template over two of the one before, so that its text doubles
/// with each.
std::string doubling_name(size_t levels) {
  constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string name = "_Z1f1TIiiE";
  for (size_t i = 0; i < levels; ++i) {
    std::string number;
    if (i >= digits.size()) number += digits[i / digits.size()];
    number += digits[i % digits.size()];
    name += "S_IS" + number + "_S" + number + "_E";
  }
  return name;
}

TEST(Demangle, GivesUpWhereTheTextWouldNotFitInMemory) {
  EXPECT_EQ(demangle(doubling_name(2)),
            "f(T<int, int>, T<T<int, int>, T<int, int> >, "
            "T<T<T<int, int>, T<int, int> >, T<T<int, int>, T<int, int> > >)");
  const std::string name = doubling_name(90);
  EXPECT_EQ(demangle(name), name);
}

TEST(Demangle, TakesLongNames) {
  std::string name = "_ZN";
  std::string plain;
  for (int i = 0; i < 30; ++i) {
    name += "200" + std::string(200, 'a');
    plain += std::string(200, 'a') + "::";
  }
  EXPECT_EQ(demangle(name + "1fEv"), plain + "f()");
  const std::string longer = name + std::string(10000, 'a');
  EXPECT_EQ(demangle(longer), longer);
}

TEST(Demangle, TakesDeepNames) {
  const std::string name = "_Z1f" + std::string(8000, 'P') + "i";
  EXPECT_FALSE(demangle(name).empty());
  const std::string rust = "_RMC0" + std::string(8000, 'R') + "u";
  EXPECT_FALSE(demangle(rust).empty());
}

TEST(Demangle, TakesAnyBytes) {
  std::minstd_rand random(7);
  const std::string_view letters = "_ZNRSTIEiPKLCs017hXspJtm.$@";
  for (int i = 0; i < 50000; ++i) {
    std::string name = i % 2 == 0 ? "_Z" : "_R";
    for (size_t n = random() % 60; n > 0; --n) name += letters[random() % letters.size()];
    EXPECT_FALSE(demangle(name).empty());
  }
}

}  // namespace
}  // namespace clew::sym
