#include "os/mappings.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace clew::os {
namespace {

TEST(ParseMaps, AFile) {
  const auto maps = parse_maps(
      "55d0c1a02000-55d0c1a06000 r-xp 00002000 fe:01 1835042                    /usr/bin/cat\n");
  ASSERT_EQ(maps.size(), 1u);
  const Mapping& m = maps[0];
  EXPECT_EQ(m.start.value, 0x55d0c1a02000u);
  EXPECT_EQ(m.end.value, 0x55d0c1a06000u);
  EXPECT_TRUE(m.readable);
  EXPECT_FALSE(m.writable);
  EXPECT_TRUE(m.executable);
  EXPECT_FALSE(m.shared);
  EXPECT_EQ(m.file_offset, 0x2000u);
  EXPECT_EQ(m.device, "fe:01");
  EXPECT_EQ(m.inode, 1835042u);
  EXPECT_EQ(m.path, "/usr/bin/cat");
}

TEST(ParseMaps, RightsEachByItself) {
  const auto maps = parse_maps(
      "1000-2000 r--p 00000000 00:00 0 \n"
      "2000-3000 -w-p 00000000 00:00 0 \n"
      "3000-4000 --xp 00000000 00:00 0 \n"
      "4000-5000 ---s 00000000 00:00 0 \n");
  ASSERT_EQ(maps.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(maps[i].readable, i == 0);
    EXPECT_EQ(maps[i].writable, i == 1);
    EXPECT_EQ(maps[i].executable, i == 2);
    EXPECT_EQ(maps[i].shared, i == 3);
    EXPECT_EQ(maps[i].path, "");
    EXPECT_EQ(maps[i].start.value, 0x1000 * (i + 1));
  }
}

TEST(ParseMaps, PathsWithSpacesAndDeletedFiles) {
  const auto maps = parse_maps(
      "1000-2000 r-xp 00000000 fe:01 12      /opt/my  program (x)/lib a.so (deleted)\n"
      "2000-3000 rw-s 00000000 00:01 7       /memfd:name with space (deleted)\n"
      "3000-4000 rw-p 00000000 00:00 0       [anon:some name]\n"
      "4000-5000 rw-p 00000000 00:00 0       [stack]\n"
      "5000-6000 r-xp 00000000 fe:01 9       /new\\012line\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  ASSERT_EQ(maps.size(), 6u);
  EXPECT_EQ(maps[0].path, "/opt/my  program (x)/lib a.so (deleted)");
  EXPECT_EQ(maps[1].path, "/memfd:name with space (deleted)");
  EXPECT_EQ(maps[1].inode, 7u);
  EXPECT_EQ(maps[2].path, "[anon:some name]");
  EXPECT_EQ(maps[3].path, "[stack]");
  EXPECT_EQ(maps[4].path, "/new\\012line");
  EXPECT_EQ(maps[5].end.value, 0xffffffffff601000u);
}

TEST(ParseMaps, MalformedLinesAreLeftOut) {
  const auto maps = parse_maps(
      "\n"
      "nonsense\n"
      "1000 r-xp 00000000 fe:01 12 /no-dash\n"
      "1000-2000 r-x 00000000 fe:01 12 /short-rights\n"
      "1000-2000 r-xpp 00000000 fe:01 12 /long-rights\n"
      "10g0-2000 r-xp 00000000 fe:01 12 /no-hex\n"
      "1000-20z0 r-xp 00000000 fe:01 12 /no-hex\n"
      "-2000 r-xp 00000000 fe:01 12 /no-start\n"
      "1000- r-xp 00000000 fe:01 12 /no-end\n"
      "1000-2000 r-xp 0000xx00 fe:01 12 /no-offset\n"
      "11111111111111111-2000 r-xp 00000000 fe:01 12 /too-large\n"
      "1000-2000\n"
      "7000-8000 r-xp 00000000 fe:01 12 /good\n"
      "8000-9000 r-xp 00000000 fe:01 13 /good/without/end");
  ASSERT_EQ(maps.size(), 2u);
  EXPECT_EQ(maps[0].path, "/good");
  EXPECT_EQ(maps[1].path, "/good/without/end");
}

TEST(ParseMaps, Empty) { EXPECT_TRUE(parse_maps("").empty()); }

TEST(Mapping, ContainsItsStartAndNotItsEnd) {
  const Mapping m = parse_maps("1000-2000 r-xp 00000000 fe:01 12 /x\n").at(0);
  EXPECT_FALSE(m.contains({0xfff}));
  EXPECT_TRUE(m.contains({0x1000}));
  EXPECT_TRUE(m.contains({0x1fff}));
  EXPECT_FALSE(m.contains({0x2000}));
}

auto all_of(const Mapping& m) {
  return std::tuple(m.start.value, m.end.value, m.readable, m.writable, m.executable, m.shared,
                    m.file_offset, m.inode, m.device, m.path);
}

class OwnMappings : public ::testing::Test {
 protected:
  /// The vsyscall page is shown in every process, but is no mapping of it: whether it is in the
  /// answer depends on the way to ask (PROCMAP_QUERY does not know it).
  static void drop_vsyscall(std::vector<Mapping>& maps) {
    std::erase_if(maps, [](const Mapping& m) { return m.path == "[vsyscall]"; });
  }

  Result<ProcDir> proc_ = ProcDir::open(::getpid());
};

TEST_F(OwnMappings, FindsAPageThatWeMapped) {
  const size_t size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* const page =
      ::mmap(nullptr, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  const auto code = read_code_mappings(*proc_);
  ::munmap(page, size);
  ASSERT_TRUE(code.has_value());
  const Addr address{reinterpret_cast<uint64_t>(page)};
  const auto found = std::find_if(code->begin(), code->end(),
                                  [&](const Mapping& m) { return m.contains(address); });
  ASSERT_NE(found, code->end());
  EXPECT_TRUE(found->readable);
  EXPECT_FALSE(found->writable);
}

TEST_F(OwnMappings, CodeMappingsAreTheExecutableOnes) {
  auto all = read_mappings(*proc_);
  auto code = read_code_mappings(*proc_);
  ASSERT_TRUE(all.has_value());
  ASSERT_TRUE(code.has_value());
  EXPECT_GT(all->size(), code->size());
  std::erase_if(*all, [](const Mapping& m) { return !m.executable; });
  drop_vsyscall(*all);
  drop_vsyscall(*code);
  ASSERT_EQ(all->size(), code->size());
  ASSERT_GT(code->size(), 1u);
  for (size_t i = 0; i < code->size(); ++i) EXPECT_EQ(all_of((*code)[i]), all_of((*all)[i]));
}

TEST_F(OwnMappings, HoldThisFunctionInItsFile) {
  const auto code = read_code_mappings(*proc_);
  ASSERT_TRUE(code.has_value());
  const Addr address{reinterpret_cast<uint64_t>(&parse_maps)};
  const auto found = std::find_if(code->begin(), code->end(),
                                  [&](const Mapping& m) { return m.contains(address); });
  ASSERT_NE(found, code->end());
  EXPECT_EQ(found->path, proc_->read_link("exe").value_or(""));
  EXPECT_NE(found->inode, 0u);
}

}  // namespace
}  // namespace clew::os
