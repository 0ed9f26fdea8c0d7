#include "sym/name_cache.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

namespace clew::sym {
namespace {

namespace fs = std::filesystem;

class NameCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "clew-cache-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    directory_ = root_ / "clew" / "names";
    image_ = ElfImage::open_path(CLEW_FIXTURES "/names/gxx_O0_dwarf5").value();
    sections_ = std::make_unique<DwarfSections>(*image_);
    units_ = read_dwarf_units(*sections_);
    WorkControl control;
    index_ = NameIndex::scan(*sections_, units_, units_, {}, 1, control).value();
    key_ = NameCacheKey::of(image_->build_id(), *sections_).value();
  }
  void TearDown() override {
    fs::permissions(root_, fs::perms::owner_all);
    fs::remove_all(root_);
  }

  NameCache cache(uint64_t limit = 1 << 30) const { return NameCache(directory_, limit); }
  std::vector<std::string> names_of(const NameIndex& index) const {
    std::vector<std::string> names;
    for (const NameRecord& name : index.names())
      names.push_back(full_name(*sections_, index, name));
    return names;
  }
  size_t file_count() const {
    if (!fs::exists(directory_)) return 0;
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path root_, directory_;
  std::unique_ptr<ElfImage> image_;
  std::unique_ptr<DwarfSections> sections_;
  std::vector<DwarfUnit> units_;
  NameIndex index_;
  NameCacheKey key_;
};

TEST_F(NameCacheTest, GivesBackWhatWasStored) {
  EXPECT_FALSE(cache().load(key_));
  cache().store(key_, index_);
  const auto found = cache().load(key_);
  ASSERT_TRUE(found);
  EXPECT_EQ(names_of(*found), names_of(index_));
  ASSERT_EQ(found->units().size(), index_.units().size());
  EXPECT_EQ(found->units()[0].language, index_.units()[0].language);
  struct stat info {};
  ASSERT_EQ(stat(cache().path_of(key_).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(NameCacheTest, OfAnotherFileIsNotTaken) {
  cache().store(key_, index_);
  NameCacheKey other = key_;
  other.info_size += 1;
  EXPECT_FALSE(cache().load(other));
  // Not even when it stands in the other's place.
  fs::copy_file(cache().path_of(key_), cache().path_of(other));
  EXPECT_FALSE(cache().load(other));
}

TEST_F(NameCacheTest, NoFlippedBitIsMissed) {
  cache().store(key_, index_);
  const std::string path = cache().path_of(key_);
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const auto write = [&](const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  for (size_t at = 0; at<good.size(); at += good.size()> 4096 && at > 512 ? 997 : 1) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    write(bad);
    EXPECT_FALSE(cache().load(key_)) << "byte " << at;
  }
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, good.size() / 2, good.size() - 1}) {
    write(good.substr(0, size));
    EXPECT_FALSE(cache().load(key_)) << "cut at " << size;
  }
  write(good + "x");
  EXPECT_FALSE(cache().load(key_));
  write(good);
  EXPECT_TRUE(cache().load(key_));
}

TEST_F(NameCacheTest, TwoWritersAndAReaderSeeOnlyWholeFiles) {
  std::atomic<bool> stop{false};
  const auto writer = [&] {
    while (!stop) cache().store(key_, index_);
  };
  std::thread first(writer);
  std::thread second(writer);
  const auto wanted = names_of(index_);
  int found = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (found < 50 && std::chrono::steady_clock::now() < end) {
    const auto loaded = cache().load(key_);
    if (!loaded) {
      // Only before the first was written.
      EXPECT_EQ(found, 0);
      continue;
    }
    ++found;
    EXPECT_EQ(names_of(*loaded), wanted);
  }
  stop = true;
  first.join();
  second.join();
  EXPECT_EQ(found, 50);
  EXPECT_EQ(file_count(), 1U) << "temporary files are left";
}

TEST_F(NameCacheTest, IsBounded) {
  cache().store(key_, index_);
  const uint64_t size = fs::file_size(cache().path_of(key_));
  const NameCache bounded = cache(size * 3);
  std::vector<NameCacheKey> keys;
  for (uint64_t i = 0; i < 6; ++i) {
    NameCacheKey key = key_;
    key.info_size += i;
    keys.push_back(key);
    bounded.store(key, index_);
    // Times that differ, whatever the file system's clock.
    const auto when = fs::file_time_type::clock::now() - std::chrono::hours(100 - i);
    fs::last_write_time(bounded.path_of(key), when);
  }
  EXPECT_EQ(file_count(), 3U);
  EXPECT_TRUE(bounded.load(keys[5]));
  EXPECT_TRUE(bounded.load(keys[3]));
  EXPECT_FALSE(bounded.load(keys[0]));
  // keys[3] was of use just now, so that keys[4] is the oldest.
  bounded.store(keys[0], index_);
  EXPECT_TRUE(bounded.load(keys[3]));
  EXPECT_FALSE(bounded.load(keys[4]));
  // What is larger than all that is allowed is not stored.
  EXPECT_NO_FATAL_FAILURE(cache(size - 1).store(keys[1], index_));
  EXPECT_FALSE(bounded.load(keys[1]));
}

TEST_F(NameCacheTest, LeftoversOfAKilledOneGo) {
  cache().store(key_, index_);
  const fs::path old = directory_ / "abcdef.tmp";
  const fs::path fresh = directory_ / "ghijkl.tmp";
  const fs::path other = directory_ / "not-mine";
  for (const fs::path& path : {old, fresh, other}) std::ofstream(path) << "x";
  for (const fs::path& path : {old, other})
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(2));
  cache().store(key_, index_);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(NameCacheTest, WhatCannotBeWrittenIsNoError) {
  // A file where the folder should be.
  std::ofstream(root_ / "clew") << "in the way";
  cache().store(key_, index_);
  EXPECT_FALSE(cache().load(key_));
  NameCache("").store(key_, index_);
  EXPECT_FALSE(NameCache("").load(key_));
  NameCache("/proc/no/such/folder").store(key_, index_);
  EXPECT_FALSE(NameCache("/proc/no/such/folder").load(key_));
}

TEST_F(NameCacheTest, AFullDiskIsNoError) {
  // /dev/full would need a file in it; a limit on file sizes fails in the same place.
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1024, 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    cache().store(key_, index_);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(cache().load(key_));
  EXPECT_EQ(file_count(), 0U);
}

TEST_F(NameCacheTest, FoldersThatOthersCanWriteAreNotUsed) {
  fs::create_directories(directory_);
  chmod(directory_.c_str(), 0777);
  cache().store(key_, index_);
  EXPECT_EQ(file_count(), 0U);
}

TEST_F(NameCacheTest, PartsComeBackWholeOrNotAtAll) {
  const std::string text = "what was made of a file";
  const Bytes bytes = std::as_bytes(std::span(text));
  const BuildId id = image_->build_id();
  cache().store_part({}, "test", bytes);
  EXPECT_EQ(file_count(), 0U) << "of a file without a build-id";
  EXPECT_FALSE(cache().load_part(id, "test"));
  cache().store_part(id, "test", bytes);
  EXPECT_EQ(cache().load_part(id, "test"), std::vector(bytes.begin(), bytes.end()));
  EXPECT_FALSE(cache().load_part(id, "other"));
  const std::string path = fs::directory_iterator(directory_)->path();
  std::ifstream in(path, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  const auto is_taken = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    return cache().load_part(id, "test").has_value();
  };
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    EXPECT_FALSE(is_taken(bad)) << "byte " << at;
    EXPECT_FALSE(is_taken(good.substr(0, at))) << "cut at " << at;
  }
  EXPECT_FALSE(is_taken(good + "x"));
  EXPECT_TRUE(is_taken(good));
  // They are among what has to make room.
  cache(1).store_part(id, "other", bytes);
  EXPECT_EQ(file_count(), 0U);
}

TEST_F(NameCacheTest, WithoutABuildIdThereIsNoKey) {
  EXPECT_FALSE(NameCacheKey::of({}, *sections_));
}

}  // namespace
}  // namespace clew::sym
