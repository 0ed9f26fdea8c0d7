#include "sym/kept_places.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>

#include "symbol_fixture.h"
#include "temporary_directory.h"

namespace clew::sym {
namespace {

namespace fs = std::filesystem;

class KeptPlacesTest : public testing::Test {
 protected:
  void SetUp() override {
    program_ = scratch_.path() / "program";
    fs::copy_file(symbol_fixture("c-O2"), program_);
    module_ = open();
    address_ = SymbolProgram("c-O2", "places.c").symbol("main");
    ASSERT_NE(address_, 0U);
  }

  std::shared_ptr<const Module> open() const {
    return Module::create(std::move(*ElfImage::open_path(program_)), program_, nullptr);
  }
  NameCache files() const { return NameCache(scratch_.path() / "cache"); }
  CodePlace looked_up() const {
    return {functions_at(*module_, address_), line_at(*module_, address_)};
  }
  void keep() const {
    const NameCache cache = files();
    KeptPlaces places(cache);
    places.add(module_, address_, looked_up());
    places.store();
  }
  /// What another clew finds.
  bool is_known(const std::shared_ptr<const Module>& module, uint64_t address) const {
    const NameCache cache = files();
    return KeptPlaces(cache).find(module, address) != nullptr;
  }

  TemporaryDirectory scratch_;
  fs::path program_;
  std::shared_ptr<const Module> module_;
  uint64_t address_ = 0;
};

TEST_F(KeptPlacesTest, ComeBackAsTheyWereLookedUp) {
  EXPECT_FALSE(is_known(module_, address_));
  keep();
  const NameCache cache = files();
  KeptPlaces places(cache);
  const CodePlace* const found = places.find(open(), address_);
  ASSERT_NE(found, nullptr);
  const CodePlace expected = looked_up();
  EXPECT_EQ(found->line, expected.line);
  ASSERT_EQ(found->functions.size(), expected.functions.size());
  ASSERT_FALSE(found->functions.empty());
  for (size_t i = 0; i < expected.functions.size(); ++i) {
    const FunctionAt& is = found->functions[i];
    const FunctionAt& was = expected.functions[i];
    EXPECT_EQ(is.name, was.name);
    EXPECT_EQ(is.linkage_name, was.linkage_name);
    EXPECT_EQ(is.is_inlined, was.is_inlined);
    EXPECT_EQ(is.call_site, was.call_site);
    EXPECT_EQ(is.entry, was.entry);
    EXPECT_EQ(is.language, was.language);
    EXPECT_EQ(is.die.addr, nullptr);
  }
  EXPECT_FALSE(is_known(module_, address_ + 1));
}

TEST_F(KeptPlacesTest, NewOnesAreAddedToThoseThatWereThere) {
  keep();
  const NameCache cache = files();
  KeptPlaces places(cache);
  places.add(module_, 7, {});
  places.store();
  EXPECT_TRUE(is_known(module_, address_));
  EXPECT_TRUE(is_known(module_, 7));
}

TEST_F(KeptPlacesTest, AreOfNoUseOnceTheFileIsAnother) {
  keep();
  ASSERT_TRUE(is_known(open(), address_));
  const auto later = fs::last_write_time(program_) + std::chrono::seconds(1);
  fs::last_write_time(program_, later);
  EXPECT_FALSE(is_known(open(), address_));
}

TEST_F(KeptPlacesTest, WhatIsDamagedIsNotTaken) {
  keep();
  const fs::path file = fs::directory_iterator(scratch_.path() / "cache")->path();
  std::ifstream in(file, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bad;
    EXPECT_FALSE(is_known(module_, address_)) << "byte " << at;
  }
  // Whole, by its checksum, and nonsense.
  const NameCache cache = files();
  const std::string nonsense(1000, '\x41');
  cache.store_part(module_->build_id(), "places", std::as_bytes(std::span(nonsense)));
  EXPECT_FALSE(is_known(module_, address_));
}

TEST_F(KeptPlacesTest, TooManyMakeRoomForThoseThatWereOfUse) {
  CodePlace large = looked_up();
  large.functions[0].name = std::string(10'000, 'x');
  {
    const NameCache cache = files();
    KeptPlaces places(cache);
    for (uint64_t at = 1; at <= 80; ++at) places.add(module_, at, large);
    places.store();
  }
  const NameCache cache = files();
  KeptPlaces places(cache);
  for (uint64_t at = 1001; at <= 1080; ++at) places.add(module_, at, large);
  places.store();
  size_t old = 0;
  for (uint64_t at = 1; at <= 80; ++at) {
    EXPECT_TRUE(is_known(module_, 1000 + at));
    old += is_known(module_, at) ? 1 : 0;
  }
  EXPECT_LT(old, 80U);
}

}  // namespace
}  // namespace clew::sym
