#include "sym/split_dwarf.h"

#include <dwarf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "sym/split_patch.h"
#include "symbol_fixture.h"
#include "temporary_directory.h"

namespace clew::sym {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What is compared of an entry, as text.
std::string describe(Dwarf_Die& die) {
  std::string text = std::to_string(dwarf_tag(&die));
  const char* const name = dwarf_diename(&die);
  if (name != nullptr) text += std::string(" ") + name;
  Dwarf_Addr base = 0;
  Dwarf_Addr start = 0;
  Dwarf_Addr end = 0;
  for (ptrdiff_t offset = 0; (offset = dwarf_ranges(&die, offset, &base, &start, &end)) > 0;)
    text += " [" + std::to_string(start) + "," + std::to_string(end) + ")";
  Dwarf_Attribute location;
  if (dwarf_attr(&die, DW_AT_location, &location) == nullptr) return text;
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  for (ptrdiff_t offset = 0; (offset = dwarf_getlocations(&location, offset, &base, &start, &end,
                                                          &operations, &count)) > 0;) {
    text += " at [" + std::to_string(start) + "," + std::to_string(end) + ")";
    for (size_t i = 0; i < count; ++i) {
      text += " " + std::to_string(operations[i].atom) + ":";
      Dwarf_Attribute address;
      Dwarf_Addr value = operations[i].number;
      const bool is_index =
          operations[i].atom == DW_OP_addrx || operations[i].atom == DW_OP_GNU_addr_index;
      if (is_index && (dwarf_getlocation_attr(&location, &operations[i], &address) != 0 ||
                       dwarf_formaddr(&address, &value) != 0))
        text += "?";
      text += std::to_string(value);
    }
  }
  return text;
}

void compare(Dwarf_Die whole, Dwarf_Die linked, int& seen) {
  for (;;) {
    ASSERT_EQ(describe(whole), describe(linked));
    ++seen;
    Dwarf_Die below_whole, below_linked;
    const int has = dwarf_child(&whole, &below_whole);
    ASSERT_EQ(has, dwarf_child(&linked, &below_linked));
    if (has == 0) compare(below_whole, below_linked, seen);
    const int next = dwarf_siblingof(&whole, &whole);
    ASSERT_EQ(next, dwarf_siblingof(&linked, &linked));
    if (next != 0) return;
  }
}

class SplitProgram : public testing::TestWithParam<const char*> {};

TEST_P(SplitProgram, IsReadAsLibdwReadsItWithItsSkeleton) {
  if (!SymbolProgram::exists(GetParam())) GTEST_SKIP() << "its compiler is not installed";
  const SymbolProgram program(GetParam(), "places.cpp");
  const auto lock = program.module().lock();
  Dwarf_CU* unit = nullptr;
  Dwarf_Die skeleton, linked;
  ASSERT_EQ(dwarf_get_units(program.module().dwarf(), nullptr, &unit, nullptr, nullptr, &skeleton,
                            &linked),
            0);
  ASSERT_NE(linked.addr, nullptr);
  Dwarf_Die whole = skeleton;
  program.module().complete_unit(whole);
  ASSERT_NE(whole.addr, skeleton.addr);
  ASSERT_NE(whole.addr, linked.addr);
  // The unit itself has more in our form; what stands in it must be the same.
  ASSERT_EQ(dwarf_child(&whole, &whole), 0);
  ASSERT_EQ(dwarf_child(&linked, &linked), 0);
  int seen = 0;
  compare(whole, linked, seen);
  EXPECT_GT(seen, 100);
  EXPECT_THAT(program.module().problems(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Programs, SplitProgram,
                         testing::Values("gcc-split4", "gcc-split5", "clang-split4", "clang-split5",
                                         "gcc-split-zlib"));

class SplitFiles : public testing::Test {
 protected:
  std::shared_ptr<Module> open(const std::string& path) {
    auto image = ElfImage::open_path(path);
    return image ? Module::create(std::move(*image), path, nullptr) : nullptr;
  }

  TemporaryDirectory temporary_;
  const std::filesystem::path& directory_ = temporary_.path();
};

TEST_F(SplitFiles, AreFoundBesideAProgramThatWasMoved) {
  // The package has no file in the directory that it was built in.
  if (!SymbolProgram::exists("clang-package5")) GTEST_SKIP() << "llvm-dwp is not installed";
  std::filesystem::copy(symbol_fixture("clang-package5"), directory_ / "program");
  std::filesystem::copy(symbol_fixture("clang-package5.dwp"), directory_ / "program.dwp");
  const auto module = open(directory_ / "program");
  const uint64_t address = module->symbols().find("place_inlined").front()->address;
  EXPECT_THAT(names_at(*module, address), ElementsAre("deepest", "middle", "holder"));
}

TEST_F(SplitFiles, ThatAreNotThereAreSaidOnceAndSymbolsHelp) {
  if (!SymbolProgram::exists("clang-package5")) GTEST_SKIP() << "llvm-dwp is not installed";
  std::filesystem::copy(symbol_fixture("clang-package5"), directory_ / "program");
  const auto module = open(directory_ / "program");
  const uint64_t address = module->symbols().find("place_plain").front()->address;
  EXPECT_THAT(names_at(*module, address + 1), ElementsAre("plain_c_name"));
  EXPECT_TRUE(line_at(*module, address));
  names_at(*module, address + 2);
  EXPECT_THAT(module->problems(), ElementsAre(HasSubstr("clang-package5.dwo")));
}

TEST_F(SplitFiles, OfAnotherBuildAreNotTaken) {
  if (!SymbolProgram::exists("clang-package5") || !SymbolProgram::exists("gcc-split5"))
    GTEST_SKIP() << "llvm-dwp is not installed";
  std::filesystem::copy(symbol_fixture("clang-package5"), directory_ / "program");
  std::filesystem::copy(symbol_fixture("clang-package4.dwp"), directory_ / "program.dwp");
  std::filesystem::copy(symbol_fixture("gcc-split5.dwo"), directory_ / "clang-package5.dwo");
  const auto module = open(directory_ / "program");
  const uint64_t address = module->symbols().find("place_inlined").front()->address;
  EXPECT_THAT(names_at(*module, address + 1), ElementsAre("holder(int)"));
  EXPECT_THAT(module->problems(), testing::SizeIs(1));
}

TEST(SplitRanges, AreMadeAbsolute) {
  const std::vector<uint64_t> ranges = {1, 2, 3, 4, 0, 0, UINT64_MAX, 1000, 5, 6, 0, 0, 7, 8, 0, 0};
  const auto bytes = add_to_ranges(std::as_bytes(std::span(ranges)), 100);
  std::vector<uint64_t> result(ranges.size());
  std::memcpy(result.data(), bytes.data(), bytes.size());
  EXPECT_THAT(result,
              ElementsAre(101, 102, 103, 104, 0, 0, UINT64_MAX, 1000, 5, 6, 0, 0, 107, 108, 0, 0));
}

}  // namespace
}  // namespace clew::sym
