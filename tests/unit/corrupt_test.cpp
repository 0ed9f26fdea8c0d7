// Damaged programs: what can be told of them is told, and nothing breaks, hangs or fills memory.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ctime>
#include <fstream>
#include <iterator>

#include "damaged_elf.h"
#include "symbol_fixture.h"

namespace clew::sym {
namespace {

std::vector<std::byte> content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::transform(text.begin(), text.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

size_t start_of_debug_sections(const std::string& path) {
  const auto image = ElfImage::open_path(path);
  size_t start = SIZE_MAX;
  if (!image) return start;
  for (const ElfImage::Section& section : (*image)->sections()) {
    if (section.name.starts_with(".debug_")) start = std::min<size_t>(start, section.offset);
  }
  return start;
}

/// Of this thread alone, so that a busy machine does not count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

struct Damaged {
  const char* name;
  unsigned copies;
};

class DamagedPrograms : public testing::TestWithParam<Damaged> {};

TEST_P(DamagedPrograms, AreReadAsFarAsTheyGo) {
  const auto [name, copies] = GetParam();
  if (!SymbolProgram::exists(name)) GTEST_SKIP() << "its compiler is not installed";
  const auto whole = content_of(symbol_fixture(name));
  const size_t debug_start = start_of_debug_sections(symbol_fixture(name));
  const size_t all = read_everything(whole);
  ASSERT_GT(all, 100U);
  const long peak_before = peak_kilobytes();
  size_t some = 0;
  for (unsigned seed = 1; seed <= copies; ++seed) {
    const double start = cpu_seconds();
    some += read_everything(Damage(seed).apply(whole, debug_start)) * 2 > all ? 1 : 0;
    const double took = cpu_seconds() - start;
    // The whole one takes a millisecond or two.
    ASSERT_LT(took, 2.0) << "seed " << seed;
  }
  // A few wrong bytes do not take everything away.
  EXPECT_GT(some, copies / 3);
  EXPECT_LT(peak_kilobytes() - peak_before, 200 * 1024);
}

INSTANTIATE_TEST_SUITE_P(Programs, DamagedPrograms,
                         testing::Values(Damaged{"tiny-gcc5", 10000}, Damaged{"tiny-gcc4", 2000},
                                         Damaged{"tiny-gcc2", 2000}, Damaged{"tiny-zlib", 2000},
                                         Damaged{"tiny-clang5", 2000},
                                         Damaged{"tiny-clang4", 2000}),
                         [](const auto& program) {
                           std::string name = program.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace clew::sym
