#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sym/name_index.h"

namespace clew::sym {

/// What an index must have been made from to be of use again.
struct NameCacheKey {
  BuildId build_id;
  uint64_t info_size = 0, types_size = 0, abbrev_size = 0, str_size = 0, alt_size = 0;
  /// Files that were made from one another (strip, objcopy, dwz) have the same build-id; this tells
  /// them apart as well.
  uint64_t beginning = 0;

  /// nullopt when the file has no build-id, by which alone it is known again.
  static std::optional<NameCacheKey> of(const BuildId& build_id, const DwarfSections& sections);
};

/// Indexes of names on disk, so that a program which is looked at again is not read again. Nothing
/// here is ever an error: a folder that cannot be written, a full disk, a broken file and another
/// clew that does the same at the same time only mean that there is no help.
class NameCache {
 public:
  /// `directory` is made when it is first written to; empty means that there is no cache. `limit`
  /// is for all its files together: what was not used for longest goes first.
  explicit NameCache(std::string directory, uint64_t limit = uint64_t{512} << 20)
      : directory_(std::move(directory)), limit_(limit) {}

  /// An index with these contents, mapped; nullopt when there is none that is whole.
  std::optional<NameIndex> load(const NameCacheKey& key) const;
  void store(const NameCacheKey& key, const NameIndex& index) const;

  /// The most bytes that a part can have.
  static constexpr size_t largest_part = (1 << 20) - 64;

  /// Some bytes that were made of a file, by what they are; nothing when there are none, or they
  /// are not whole.
  std::optional<std::vector<std::byte>> load_part(const BuildId& build_id,
                                                  std::string_view what) const;
  /// Does nothing for a file without a build-id.
  void store_part(const BuildId& build_id, std::string_view what, Bytes bytes) const;

  /// The file of a key.
  std::string path_of(const NameCacheKey& key) const;

 private:
  bool is_own_directory() const;
  bool write_file(const std::string& path, std::span<const Bytes> parts) const;
  std::string path_of_part(const BuildId& build_id, std::string_view what) const;
  void make_room() const;

  std::string directory_;
  uint64_t limit_;
};

}  // namespace clew::sym
