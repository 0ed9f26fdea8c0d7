// The index of names over debug information with damage in it: anything may be found, but nothing
// may crash, hang or ask for memory without bounds. The sanitizers watch.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "sym/inlined_copies.h"
#include "sym/name_index.h"
#include "sym/name_query.h"

namespace clew::sym {
namespace {

/// Copies of a program's sections, to be damaged.
class Copy {
 public:
  explicit Copy(const std::string& name) {
    const auto image = ElfImage::open_path(CLEW_FIXTURES "/names/" + name).value();
    const DwarfSections sections(*image);
    for (const Bytes bytes : {sections.info(), sections.types(), sections.abbrev(), sections.str(),
                              sections.line_str(), sections.str_offsets()})
      sections_.emplace_back(bytes.begin(), bytes.end());
  }

  std::vector<std::vector<std::byte>>& sections() { return sections_; }
  DwarfSections::InMemory view() const {
    return {sections_[0], sections_[1], sections_[2], sections_[3], sections_[4], sections_[5]};
  }

 private:
  std::vector<std::vector<std::byte>> sections_;
};

/// @return the number of names.
size_t read_all(const DwarfSections::InMemory& view) {
  const DwarfSections sections(view);
  const auto units = read_dwarf_units(sections);
  WorkControl control;
  const auto index = NameIndex::scan(sections, units, units, {}, 1, control);
  EXPECT_TRUE(index);
  InlinedOrigins origins;
  for (const NameRecord& name : index->names()) {
    full_name(sections, *index, name);
    if (name.kind() == NameKind::inlined_function) origins.here.insert(name.die());
  }
  find_inlined_copies(sections, units, origins, 1000);
  NameQuery::parse("shop::Item::total(int)")->find(sections, *index, function_kinds);
  return index->names().size();
}

size_t rounds() { return std::getenv("CLEW_STRESS") != nullptr ? 10000 : 300; }

class DamagedNames : public testing::TestWithParam<const char*> {};

TEST_P(DamagedNames, FlippedBytes) {
  Copy copy(GetParam());
  const size_t whole = read_all(copy.view());
  EXPECT_GT(whole, 10U);
  std::mt19937 random(4711);
  for (size_t round = 0; round < rounds(); ++round) {
    // Most of the time in .debug_info and .debug_abbrev, which everything hangs on.
    auto& section = copy.sections()[random() % 4 == 0 ? random() % 6 : random() % 2 * 2];
    if (section.empty()) continue;
    std::vector<std::pair<size_t, std::byte>> undo;
    for (size_t i = 0; i <= random() % 4; ++i) {
      const size_t at = random() % section.size();
      undo.emplace_back(at, section[at]);
      section[at] = static_cast<std::byte>(random());
    }
    read_all(copy.view());
    for (auto i = undo.rbegin(); i != undo.rend(); ++i) section[i->first] = i->second;
  }
  EXPECT_EQ(read_all(copy.view()), whole);
}

TEST_P(DamagedNames, CutShort) {
  Copy copy(GetParam());
  std::mt19937 random(42);
  for (size_t round = 0; round < rounds() / 4; ++round) {
    Copy cut = copy;
    auto& section = cut.sections()[random() % 6];
    section.resize(section.empty() ? 0 : random() % section.size());
    section.shrink_to_fit();
    read_all(cut.view());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, DamagedNames,
                         testing::Values("c_gcc_O0_dwarf2", "c_gcc_O0_dwarf5", "c_clang_O2",
                                         "gxx_types4", "gxx_lto"));

}  // namespace
}  // namespace clew::sym
