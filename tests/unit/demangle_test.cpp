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

// What rustc 1.95 has made, and says of it in a backtrace.
INSTANTIATE_TEST_SUITE_P(
    RustTypes, Demangled,
    testing::Values(
        Pair{"_RINvCs1_1c2tyFG0_RL1_hQL0_hERB4_EB2_", "_RINvCs1_1c2tyFG0_RL1_hQL0_hERB4_EB2_"},
        Pair{"_RINvCs1_1c2tyFG0_RL1_hQL0_hERL1_hEB2_",
             "c::ty::<for<'a, 'b> fn(&'a u8, &'b mut u8) -> &'a u8>"},
        Pair{"_RINvCs1_1c2tyFUKCvEuEB2_", "c::ty::<unsafe extern \"C\" fn(...)>"},
        Pair{"_RINvCs1_1c2tyFK7stdcallEuE", "c::ty::<extern \"stdcall\" fn()>"},
        Pair{"_RINvCs1_1c2tyDINtC4core2FnTRhEEp6OutputhEL_E",
             "c::ty::<dyn core::Fn<(&u8,), Output = u8>>"},
        Pair{"_RINvCs1_1c2tyDNtC1a1ANtC1b1BEL_E", "c::ty::<dyn a::A + b::B>"},
        Pair{"_RINvCs1_1c2tyAOeKj3_E", "_RINvCs1_1c2tyAOeKj3_E"},
        Pair{"_RINvCs1_1c2tyAOej3_E", "c::ty::<[*mut str; 3]>"},
        Pair{"_RINvCs1_1c2tyTEE", "c::ty::<()>"}, Pair{"_RINvCs1_1c2tyThEE", "c::ty::<(u8,)>"},
        Pair{"_RINvCs1_1c2tyWmRm1_mffffffff_E", "c::ty::<u32 is 1..=4294967295>"},
        Pair{"_RINvCs1_1c2tyWhORh1_h5_Rh7_hff_EE", "c::ty::<u8 is 1..=5 | 7..=255>"},
        Pair{"_RINvCs1_1c2tyWPhuEB2_", "c::ty::<*const u8 is !null>"},
        Pair{"_RNvXNtC1a1bNtB2_1SNtC4core7Display3fmt", "<a::b::S as core::Display>::fmt"},
        Pair{"_RNSNvC1a1bs_4drop", "a::b::{shim:drop#1}"},
        Pair{"_RNSNvC1a1b4dropC1x", "a::b::{shim:drop#0}"},
        Pair{"_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
             "utf8_idents::საჭმელად_გემრიელი_სადილი"},
        Pair{"_RNvC1au2__", "_RNvC1au2__"}, Pair{"_RNvC1au4zzzz", "a::punycode{zzzz}"}));

INSTANTIATE_TEST_SUITE_P(
    RustConstants, Demangled,
    testing::Values(
        Pair{"_RINvC1c1nKnn80000000000000000000000000000000_E",
             "c::n::<-0x80000000000000000000000000000000>"},
        Pair{"_RINvC1c1nKin5_E", "c::n::<-5>"}, Pair{"_RINvC1c1nKpE", "c::n::<_>"},
        Pair{"_RINvC1c1bKb1_E", "c::b::<true>"}, Pair{"_RINvC1c1bKb2_E", "_RINvC1c1bKb2_E"},
        Pair{"_RINvC1c1cKca_E", "c::c::<'\\n'>"}, Pair{"_RINvC1c1cKc27_E", "c::c::<'\\''>"},
        Pair{"_RINvC1c1cKc7f_E", "c::c::<'\\u{7f}'>"}, Pair{"_RINvC1c1cKc2202_E", "c::c::<'∂'>"},
        Pair{"_RINvC1c1cKcd800_E", "_RINvC1c1cKcd800_E"},
        Pair{"_RINvC1c1sKRe61225c0ac3a9e2808b_E", "c::s::<\"a\\\"\\\\\\né\\u{200b}\">"},
        Pair{"_RINvC1c1sKReff_E", "_RINvC1c1sKReff_E"},
        Pair{"_RINvC1c1sKe61_E", "c::s::<{*\"a\"}>"},
        Pair{"_RINvC1c1rKRAt5_t6_EE", "c::r::<{&[5, 6]}>"},
        Pair{"_RINvC1c1tKTh1_EE", "c::t::<{(1,)}>"},
        Pair{"_RINvC1c1eKVNtNtC1c1E1AUE", "c::e::<{c::E::A}>"},
        Pair{"_RINvC1c1eKVNtNtC1c1E1CS1xVNtB8_1PS1ah4_1bs5_EEE",
             "_RINvC1c1eKVNtNtC1c1E1CS1xVNtB8_1PS1ah4_1bs5_EEE"},
        Pair{"_RINvC1c1qKVNtC1c1QTc27_b1_EE", "c::q::<{c::Q('\\'', true)}>"},
        Pair{"_RINvC1c1pKVNtC1c1PS1ah1_1bsn2_EE", "c::p::<{c::P { a: 1, b: -2 }}>"}));

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

// Two ways to make libiberty search and read for longer than the universe has existed, with hardly
// any text.
TEST(Demangle, GivesUpWhereCppNamesNeverEnd) {
  // Dp of C<B<A, A>, B<that, that>, …>: what would be repeated is searched for a pack.
  const auto expansion = [](size_t levels) {
    constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const auto reference = [&](size_t number) {
      std::string text = "S";
      if (number >= digits.size()) text += digits[number / digits.size()];
      return text + digits[number % digits.size()] + '_';
    };
    std::string name = "_Z1fDp1CI1BI1AS1_E";
    for (size_t i = 0; i < levels; ++i) name += "S0_I" + reference(i + 2) + reference(i + 2) + "E";
    return name + "E";
  };
  EXPECT_EQ(demangle(expansion(1)), "f((C<B<A, A>, B<B<A, A>, B<A, A> > >)...)");
  EXPECT_EQ(demangle(expansion(80)), expansion(80));
  // Arguments of a template's parameter in a conversion are read a second time.
  const auto conversion = [](size_t levels) {
    std::string name = "_ZN1Acv";
    for (size_t i = 0; i < levels; ++i) name += "T_I";
    return name + "i" + std::string(levels, 'E') + "Ev";
  };
  EXPECT_EQ(demangle(conversion(80)), conversion(80));
  EXPECT_EQ(demangle("_ZN1AcvT_IiEI1BEEv"), "A::operator B<int><B>()");
}

// Each name of these asks for more steps than will ever be made, most of them without any text.
TEST(Demangle, GivesUpWhereRustNamesNeverEnd) {
  const std::string lifetimes(11, 'Z');
  const std::string turns(400, 'T');
  const std::string names[] = {
      "_RMC0FG" + lifetimes + "_Eu",    // for<'a, 'b, …> with 10^19 of them
      "_RXFG" + lifetimes + "_EuuC1a",  // the same where nothing is written
      "_RYYYYXYYvYYYYFFFFFFFFFFFFG" + std::string(10, 'F') + "_NCNvC7mycratN1n0B3_1",
      "_RYTB_B_EC1a",  // refers to what it stands in
      "_RMC0" + turns + "pB2_" + "E" + "B2_EB2_",
      "_RNvB" + lifetimes + "_1a",
      "_RNvC99999999999999999999991a1b"};
  for (const std::string& name : names) {
    EXPECT_EQ(demangle(name), name);
  }
}

TEST(Demangle, GivesUpWhereTheTextOfARustNameWouldNotFitInMemory) {
  // ((…, …), (…, …)): each level twice the one within.
  const auto doubled = [](size_t levels) {
    std::string name = "_RMC0" + std::string(levels, 'T') + "p";
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (size_t i = levels; i > 0; --i) name += std::string("B") + digits[i + 2] + "_E";
    return name;
  };
  EXPECT_EQ(demangle(doubled(2)), "<((_, _), (_, _))>");
  EXPECT_EQ(demangle(doubled(30)), doubled(30));
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
