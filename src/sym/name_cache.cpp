#include "sym/name_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <type_traits>
#include <utility>

#include "os/make_directories.h"

namespace clew::sym {
namespace {

constexpr std::string_view suffix = ".names";
constexpr std::string_view part_suffix = ".part";
constexpr std::string_view temporary_suffix = ".tmp";
/// A file that is still being written is younger than this.
constexpr time_t stale_after = 3600;

/// In front of the arrays. A change of any record or of what is collected needs another version.
struct Header {
  std::array<char, 8> magic = {'c', 'l', 'e', 'w', 'n', 'a', 'm', 'e'};
  uint32_t version = 2;
  uint32_t byte_order = 0x01020304;
  uint64_t checksum = 0;  ///< of everything, with this as 0
  uint64_t size = 0;      ///< of the file
  uint64_t names = 0, scopes = 0, units = 0;
  uint64_t info_size = 0, types_size = 0, abbrev_size = 0, str_size = 0, alt_size = 0;
  uint64_t beginning = 0;
  uint64_t build_id_size = 0;
  std::array<char, 64> build_id{};
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) % 8 == 0);
static_assert(sizeof(NameRecord) == 24 && sizeof(ScopeRecord) == 16 &&
              sizeof(NameIndex::Unit) == 16);

/// In front of the bytes of a part.
struct PartHeader {
  std::array<char, 8> magic = {'c', 'l', 'e', 'w', 'p', 'a', 'r', 't'};
  uint32_t version = 1;
  uint32_t byte_order = 0x01020304;
  uint64_t checksum = 0;  ///< of what follows
  uint64_t size = 0;      ///< the same
};
static_assert(std::is_trivially_copyable_v<PartHeader>);

/// Fast, and finds every accident; it is no defence against a forger, who could as well write the
/// user's other files.
class Checksum {
 public:
  void add(Bytes bytes) {
    while (bytes.size() >= sizeof lanes_) {
      for (uint64_t& lane : lanes_) {
        mix(lane, load(bytes, 8));
        bytes = bytes.subspan(8);
      }
    }
    while (!bytes.empty()) {
      const size_t n = std::min<size_t>(bytes.size(), 8);
      mix(lanes_[0], load(bytes, n) + n);
      bytes = bytes.subspan(n);
    }
  }
  uint64_t value() const {
    uint64_t h = 0;
    for (const uint64_t lane : lanes_) h = (h ^ lane ^ lane >> 29) * 0x9fb21c651e98df25;
    return h ^ h >> 32;
  }

 private:
  static uint64_t load(Bytes bytes, size_t n) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), n);
    return word;
  }
  static void mix(uint64_t& lane, uint64_t word) {
    lane = (lane ^ word) * 0x9e3779b97f4a7c15;
    lane ^= lane >> 31;
  }

  std::array<uint64_t, 4> lanes_ = {1, 2, 3, 4};
};

Header header_of(const NameCacheKey& key) {
  Header header;
  header.info_size = key.info_size;
  header.types_size = key.types_size;
  header.abbrev_size = key.abbrev_size;
  header.str_size = key.str_size;
  header.alt_size = key.alt_size;
  header.beginning = key.beginning;
  header.build_id_size = std::min(key.build_id.bytes.size(), header.build_id.size());
  std::copy_n(key.build_id.bytes.begin(), header.build_id_size, header.build_id.begin());
  return header;
}

/// Of a whole file: the header (with a checksum of 0) and the arrays.
uint64_t checksum_of(std::span<const Bytes> parts) {
  Checksum checksum;
  for (const Bytes part : parts) checksum.add(part);
  return checksum.value();
}

struct Mapped {
  const std::byte* at = nullptr;
  size_t size = 0;

  ~Mapped() {
    if (at != nullptr) munmap(const_cast<std::byte*>(at), size);
  }
  Mapped() = default;
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
};

std::shared_ptr<const Mapped> map_file(const std::string& path, size_t least) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!fd || fstat(fd.value(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
      info.st_size < static_cast<off_t>(least))
    return nullptr;
  auto mapped = std::make_shared<Mapped>();
  const auto size = static_cast<size_t>(info.st_size);
  void* const at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd.value(), 0);
  if (at == MAP_FAILED) return nullptr;
  mapped->at = static_cast<const std::byte*>(at);
  mapped->size = size;
  // Its time says when it was last of use.
  futimens(fd.value(), nullptr);
  return mapped;
}

bool write_all(int fd, std::span<const Bytes> parts) {
  for (Bytes part : parts) {
    while (!part.empty()) {
      const ssize_t n = ::write(fd, part.data(), part.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      part = part.subspan(static_cast<size_t>(n));
    }
  }
  return true;
}

}  // namespace

std::optional<NameCacheKey> NameCacheKey::of(const BuildId& build_id,
                                             const DwarfSections& sections) {
  if (build_id.empty() || sections.info().empty()) return std::nullopt;
  NameCacheKey key;
  key.build_id = build_id;
  key.info_size = sections.info().size();
  key.types_size = sections.types().size();
  key.abbrev_size = sections.abbrev().size();
  key.str_size = sections.str().size();
  if (sections.alt() != nullptr) key.alt_size = sections.alt()->info().size();
  constexpr size_t sample = 4096;
  Checksum beginning;
  beginning.add(sections.info().first(std::min(sample, sections.info().size())));
  beginning.add(sections.str().first(std::min(sample, sections.str().size())));
  key.beginning = beginning.value();
  return key;
}

std::string NameCache::path_of(const NameCacheKey& key) const {
  Checksum checksum;
  const Header header = header_of(key);
  checksum.add(bytes_of(header));
  return fmt::format("{}/{}-{:08x}{}", directory_, key.build_id.hex(),
                     static_cast<uint32_t>(checksum.value()), suffix);
}

std::optional<NameIndex> NameCache::load(const NameCacheKey& key) const {
  if (directory_.empty()) return std::nullopt;
  const auto mapped = map_file(path_of(key), sizeof(Header));
  if (mapped == nullptr) return std::nullopt;
  const Bytes bytes(mapped->at, mapped->size);
  Header found;
  std::memcpy(&found, bytes.data(), sizeof found);
  Header wanted = header_of(key);
  wanted.checksum = found.checksum;
  wanted.size = bytes.size();
  wanted.names = found.names;
  wanted.scopes = found.scopes;
  wanted.units = found.units;
  if (std::memcmp(&wanted, &found, sizeof wanted) != 0) return std::nullopt;
  uint64_t left = bytes.size() - sizeof(Header);
  const auto take = [&](uint64_t count, size_t size) {
    if (count > left / size) return false;
    left -= count * size;
    return true;
  };
  if (!take(found.names, sizeof(NameRecord)) || !take(found.scopes, sizeof(ScopeRecord)) ||
      !take(found.units, sizeof(NameIndex::Unit)) || left != 0)
    return std::nullopt;
  const Bytes names = bytes.subspan(sizeof(Header), found.names * sizeof(NameRecord));
  const Bytes scopes(names.data() + names.size(), found.scopes * sizeof(ScopeRecord));
  const Bytes units(scopes.data() + scopes.size(), found.units * sizeof(NameIndex::Unit));
  wanted.checksum = 0;
  const std::array<Bytes, 4> parts = {bytes_of(std::as_const(wanted)), names, scopes, units};
  if (checksum_of(parts) != found.checksum) return std::nullopt;
  // The sizes of the header and of the records are multiples of 8, so that all are aligned.
  return NameIndex({reinterpret_cast<const NameRecord*>(names.data()), found.names},
                   {reinterpret_cast<const ScopeRecord*>(scopes.data()), found.scopes},
                   {reinterpret_cast<const NameIndex::Unit*>(units.data()), found.units}, mapped);
}

bool NameCache::is_own_directory() const {
  struct stat info {};
  // Not root's own when it runs with another user's home, where it would leave files behind that
  // the user cannot replace.
  return stat(directory_.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
         info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

void NameCache::store(const NameCacheKey& key, const NameIndex& index) const {
  if (directory_.empty() || !os::make_directories(directory_) || !is_own_directory()) return;
  Header header = header_of(key);
  header.names = index.names().size();
  header.scopes = index.scopes().size();
  header.units = index.units().size();
  const std::array<Bytes, 4> parts = {bytes_of(std::as_const(header)), std::as_bytes(index.names()),
                                      std::as_bytes(index.scopes()), std::as_bytes(index.units())};
  for (const Bytes part : parts) header.size += part.size();
  if (header.size > limit_) return;
  header.checksum = checksum_of(parts);
  if (write_file(path_of(key), parts)) make_room();
}

/// A file is there whole or not at all.
bool NameCache::write_file(const std::string& path, std::span<const Bytes> parts) const {
  std::string temporary = fmt::format("{}/XXXXXX{}", directory_, temporary_suffix);
  const UniqueFd fd(
      mkostemps(temporary.data(), static_cast<int>(temporary_suffix.size()), O_CLOEXEC));
  if (!fd) return false;
  if (write_all(fd.value(), parts) && rename(temporary.c_str(), path.c_str()) == 0) return true;
  unlink(temporary.c_str());
  return false;
}

std::string NameCache::path_of_part(const BuildId& build_id, std::string_view what) const {
  return fmt::format("{}/{}-{}{}", directory_, build_id.hex(), what, part_suffix);
}

std::optional<std::vector<std::byte>> NameCache::load_part(const BuildId& build_id,
                                                           std::string_view what) const {
  if (directory_.empty() || build_id.empty()) return std::nullopt;
  const auto mapped = map_file(path_of_part(build_id, what), sizeof(PartHeader));
  if (mapped == nullptr || mapped->size > largest_part + sizeof(PartHeader)) return std::nullopt;
  PartHeader found;
  std::memcpy(&found, mapped->at, sizeof found);
  const Bytes bytes(mapped->at + sizeof found, mapped->size - sizeof found);
  PartHeader wanted;
  wanted.checksum = checksum_of({&bytes, 1});
  wanted.size = bytes.size();
  if (std::memcmp(&wanted, &found, sizeof wanted) != 0) return std::nullopt;
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

void NameCache::store_part(const BuildId& build_id, std::string_view what, Bytes bytes) const {
  if (directory_.empty() || build_id.empty() || bytes.size() > largest_part ||
      !os::make_directories(directory_) || !is_own_directory())
    return;
  PartHeader header;
  header.checksum = checksum_of({&bytes, 1});
  header.size = bytes.size();
  const std::array<Bytes, 2> parts = {bytes_of(std::as_const(header)), bytes};
  if (write_file(path_of_part(build_id, what), parts)) make_room();
}

void NameCache::make_room() const {
  struct File {
    std::string path;
    timespec used{};
    uint64_t size = 0;
  };
  std::vector<File> files;
  DIR* const directory = opendir(directory_.c_str());
  if (directory == nullptr) return;
  uint64_t total = 0;
  while (const dirent* const entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    const bool is_ours =
        name.ends_with(suffix) || name.ends_with(part_suffix) || name.ends_with(temporary_suffix);
    if (!is_ours) continue;
    File file{fmt::format("{}/{}", directory_, name), {}, 0};
    struct stat info {};
    if (lstat(file.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    file.used = info.st_mtim;
    file.size = static_cast<uint64_t>(info.st_size);
    if (name.ends_with(temporary_suffix)) {
      // What a clew that was killed has left.
      if (time(nullptr) - info.st_mtim.tv_sec > stale_after) unlink(file.path.c_str());
      continue;
    }
    total += file.size;
    files.push_back(std::move(file));
  }
  closedir(directory);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  for (const File& file : files) {
    if (total <= limit_) return;
    if (unlink(file.path.c_str()) == 0) total -= file.size;
  }
}

}  // namespace clew::sym
