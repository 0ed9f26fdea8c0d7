// The table that Go's linker leaves, beside the debug information of the same program, and damaged.

#include "sym/go_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "damaged_elf.h"
#include "sym/unwind_table.h"

namespace clew::sym {
namespace {

std::string program(const std::string& name) { return std::string(CLEW_FIXTURES) + "/go/" + name; }

std::shared_ptr<Module> open_module(const std::string& name) {
  auto image = ElfImage::open_path(program(name));
  return image ? Module::create(std::move(*image), program(name), nullptr) : nullptr;
}

class GoTableOf : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (access(program("parked").c_str(), R_OK) != 0) GTEST_SKIP() << "there is no Go compiler";
  }
};

INSTANTIATE_TEST_SUITE_P(Builds, GoTableOf,
                         testing::Values("parked", "parked_pie", "cgo_crossings"),
                         [](const auto& kind) { return std::string(kind.param); });

/// Functions that are written in assembly move the stack pointer in ways that the two tables tell
/// of at different instructions, and they have no lines of Go.
bool is_go_code(std::string_view name) {
  return name.starts_with("main.") || name.starts_with("encoding/json.") ||
         name.starts_with("strconv.") || name.starts_with("time.(");
}

TEST_P(GoTableOf, WrappersAreTheCompilersOwn) {
  if (access(program(GetParam()).c_str(), R_OK) != 0) GTEST_SKIP() << "it was not built";
  const auto image = ElfImage::open_path(program(GetParam()));
  ASSERT_TRUE(image);
  const auto table = GoTable::open(**image);
  ASSERT_NE(table, nullptr);
  size_t wrappers = 0;
  for (const GoTable::Function& function : table->functions()) {
    const std::string_view name = function.name;
    // As releases since Go 1.22 call those of go and defer statements.
    if (name.find(".gowrap") != name.npos || name.find(".deferwrap") != name.npos) {
      EXPECT_TRUE(table->is_wrapper(function)) << name;
      ++wrappers;
    }
    if (name == "main.main" || name == "runtime.gopark" || name == "runtime.goexit") {
      EXPECT_FALSE(table->is_wrapper(function)) << name;
    }
  }
  EXPECT_GT(wrappers, 0u);
}

TEST_P(GoTableOf, RowsAreThoseOfEachAddress) {
  if (access(program(GetParam()).c_str(), R_OK) != 0) GTEST_SKIP() << "it was not built";
  const auto image = ElfImage::open_path(program(GetParam()));
  ASSERT_TRUE(image);
  const auto table = GoTable::open(**image);
  ASSERT_NE(table, nullptr);
  size_t checked = 0;
  for (const GoTable::Function& function : table->functions()) {
    if (!is_go_code(function.name)) continue;
    uint64_t next = function.start;
    for (const GoTable::Row& row : table->rows(function)) {
      EXPECT_EQ(row.start, next);
      next = row.end;
      const auto same = table->row(row.end - 1);
      ASSERT_TRUE(same);
      EXPECT_EQ(same->line, row.line);
      EXPECT_EQ(same->file, row.file);
      ++checked;
    }
    EXPECT_LE(next, function.end);
    const uint64_t begins = table->behind_stack_check(function);
    EXPECT_GE(begins, function.start);
    EXPECT_LT(begins, function.end);
    // All before it is done once more when the stack had no room.
    if (begins != function.start) {
      EXPECT_EQ(table->frame_size(begins - 1), 0);
      EXPECT_GT(table->frame_size(begins), 0);
    }
  }
  EXPECT_GT(checked, 1000u);
}

TEST_P(GoTableOf, SaysWhatTheDebugInformationSays) {
  if (access(program(GetParam()).c_str(), R_OK) != 0) GTEST_SKIP() << "it was not built";
  const auto module = open_module(GetParam());
  ASSERT_NE(module, nullptr);
  const GoTable* const table = go_table(*module);
  ASSERT_NE(table, nullptr);
  size_t places = 0, inlined = 0, frames = 0;
  for (const GoTable::Function& function : table->functions()) {
    if (!is_go_code(function.name)) continue;
    for (uint64_t address = function.start; address < function.end; address += 13) {
      const auto known = functions_at(*module, address);
      const auto own = table->places(address);
      if (known.empty() || known.back().entry != function.start) continue;
      ASSERT_FALSE(own.empty());
      EXPECT_EQ(own.back().function, known.back().name) << std::hex << address;
      const auto row = module->debug_frame().find(address);
      const auto size = table->frame_size(address);
      if (row && size) {
        ++frames;
        EXPECT_EQ(row->cfa.offset, *size + 8) << function.name << std::hex << " " << address;
      }
      // What the compiler moves about belongs to other lines in the one than in the other.
      ++places;
      if (own.size() == known.size() && own.size() > 1 &&
          own.front().function == known.front().name) {
        ++inlined;
      }
    }
  }
  EXPECT_GT(places, 1000U);
  EXPECT_GT(frames, 1000U);
  EXPECT_GT(inlined, 50U);
}

TEST_P(GoTableOf, KnowsTheModule) {
  if (access(program(GetParam()).c_str(), R_OK) != 0) GTEST_SKIP() << "it was not built";
  const auto module = open_module(GetParam());
  const GoTable* const table = go_table(*module);
  ASSERT_NE(table, nullptr);
  const auto symbol = [&](const char* name) {
    const auto found = module->symbols().find(name);
    return found.empty() ? 0 : found.front()->address;
  };
  const GoTable::ModuleData& data = table->module_data();
  EXPECT_EQ(data.address, symbol("runtime.firstmoduledata"));
  EXPECT_EQ(data.text.start, symbol("runtime.text"));
  EXPECT_EQ(data.text.end, symbol("runtime.etext"));
  // In parts, where other marks lie between.
  EXPECT_TRUE(std::any_of(data.constants.begin(), data.constants.end(),
                          [&](const auto& part) { return part.start == symbol("runtime.types"); }));
  EXPECT_TRUE(std::any_of(data.constants.begin(), data.constants.end(),
                          [&](const auto& part) { return part.end == symbol("runtime.etypes"); }));
  const uint64_t all = symbol("runtime.allglen");
  ASSERT_NE(all, 0U);
  EXPECT_TRUE(std::any_of(data.data.begin(), data.data.end(),
                          [&](const auto& part) { return part.start <= all && all < part.end; }));
}

/// Only the tables: with the debug information they would not be asked.
TEST(GoTable, DamagedOnesAreReadAsFarAsTheyGo) {
  std::ifstream file(program("parked_stripped"), std::ios::binary);
  if (!file) GTEST_SKIP() << "there is no Go compiler";
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> whole(text.size());
  std::transform(text.begin(), text.end(), whole.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  const auto image = ElfImage::open_path(program("parked_stripped"));
  const ElfImage::Section* const section = (*image)->find_section(".gopclntab");
  ASSERT_NE(section, nullptr);
  std::minstd_rand random(7);
  size_t found = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::byte> bytes = whole;
    for (int i = 0; i < 20; ++i) {
      // The header often, anything else as well.
      const size_t reach = i % 10 == 0 ? 80 : section->size;
      const size_t at = section->offset + random() % reach;
      if (i % 10 != 0 || round % 3 == 0) bytes[at] = static_cast<std::byte>(random());
    }
    auto damaged = ElfImage::from_memory(std::move(bytes), "damaged");
    if (!damaged) continue;
    const auto table = GoTable::open(**damaged);
    if (table == nullptr) continue;
    ++found;
    for (size_t i = 0; i < table->functions().size(); i += 50) {
      const GoTable::Function& function = table->functions()[i];
      const uint64_t address = function.start + (function.end - function.start) / 2;
      (void)table->places(address);
      (void)table->unwind_row(address);
    }
  }
  EXPECT_GT(found, 10U);
}

}  // namespace
}  // namespace clew::sym
