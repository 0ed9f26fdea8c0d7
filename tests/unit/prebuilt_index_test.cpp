// The indexes of names that compilers and linkers put into files.

#include "sym/prebuilt_index.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

namespace clew::sym {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

/// A program, perhaps with damage in its index.
struct PrebuiltProgram {
  explicit PrebuiltProgram(std::vector<std::byte> bytes)
      : image(ElfImage::from_memory(std::move(bytes), "program").value()),
        sections(*image),
        units(read_dwarf_units(sections)),
        index(PrebuiltIndex::read(*image, sections, units)) {}

  std::set<uint32_t> units_of(const char* name) const {
    return index->units_of(NameQuery::parse(name).value());
  }

  std::unique_ptr<ElfImage> image;
  DwarfSections sections;
  std::vector<DwarfUnit> units;
  std::unique_ptr<PrebuiltIndex> index;
};

struct Case {
  const char* program;
  const char* section;
};

class Prebuilt : public testing::TestWithParam<Case> {
 protected:
  std::string path() const { return std::string(CLEW_FIXTURES "/names/") + GetParam().program; }
};

using Units = std::set<uint32_t>;

TEST_P(Prebuilt, TellsWhichUnitsAFunctionIsIn) {
  if (!std::filesystem::exists(path())) GTEST_SKIP() << "not built here";
  const PrebuiltProgram program(read_file(path()));
  ASSERT_NE(program.index, nullptr);
  ASSERT_EQ(program.units.size(), 2U);
  EXPECT_EQ(program.units_of("overloaded(int)"), Units{0});
  EXPECT_EQ(program.units_of("shop::Item::total"), Units{0});
  EXPECT_EQ(program.units_of("use_other_unit"), Units{1});
  EXPECT_EQ(program.units_of("largest"), (Units{0, 1}));
  EXPECT_EQ(program.units_of("folded"), (Units{0, 1}));
  EXPECT_EQ(program.units_of("no_such_function"), Units{});
  // A type is no function.
  EXPECT_EQ(program.units_of("Colour"), Units{});
}

TEST_P(Prebuilt, WithDamageIsNoWorseThanNone) {
  if (!std::filesystem::exists(path())) GTEST_SKIP() << "not built here";
  const std::vector<std::byte> good = read_file(path());
  const ElfImage::Section section = *PrebuiltProgram(good).image->find_section(GetParam().section);
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::byte> bad = good;
    for (size_t i = 0; i <= random() % 8; ++i)
      bad[section.offset + random() % section.size] = static_cast<std::byte>(random());
    // The header most of all.
    if (round % 3 == 0) bad[section.offset + random() % 40] = static_cast<std::byte>(random());
    const PrebuiltProgram program(std::move(bad));
    if (program.index == nullptr) continue;
    for (const uint32_t unit : program.units_of("overloaded")) EXPECT_LT(unit, 2U);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Prebuilt,
                         testing::Values(Case{"clangxx_pubnames", ".debug_names"},
                                         Case{"gxx_gdb_index", ".gdb_index"}),
                         [](const auto& kind) { return std::string(kind.param.program); });

TEST(PrebuiltIndex, OfAProgramWithoutOneIsNothing) {
  EXPECT_EQ(PrebuiltProgram(read_file(CLEW_FIXTURES "/names/gxx_O0_dwarf5")).index, nullptr);
}

}  // namespace
}  // namespace clew::sym
