#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "sym/elf_image.h"
#include "sym/unwind_entry.h"

namespace clew::sym {

/// The unwind information of one section of a file, for looking up addresses. Immutable, but for an
/// index that is made when it is first needed; may be used by several threads.
class UnwindTable {
 public:
  /// .eh_frame of what is loaded, found by its section or, when the file has no section headers, by
  /// its segment. `image` must outlive the table and the rows that come from it.
  static std::unique_ptr<UnwindTable> eh_frame(const ElfImage& image);
  /// .debug_frame of a module or of its separate debug file, decompressed when need be. `bias` is
  /// added to its addresses.
  static std::unique_ptr<UnwindTable> debug_frame(const ElfImage& image, uint64_t bias);

  bool is_empty() const { return section_.bytes.empty(); }

  /// @return the row for an address of the module; not_found when no entry covers it, bad_data.
  Result<UnwindRow> find(uint64_t address) const;

 private:
  /// The table of .eh_frame_hdr that can be searched without reading all of .eh_frame.
  struct Header {
    Bytes pairs;           ///< of four bytes each: start, and address of the entry
    uint64_t address = 0;  ///< what they are relative to
    uint64_t frames = 0;   ///< address of .eh_frame
  };
  struct Indexed {
    uint64_t start = 0, end = 0;
    uint64_t offset = 0;
  };

  UnwindTable() = default;
  static std::optional<Header> read_header(const ElfImage& image);
  void build_index() const;
  std::optional<uint64_t> find_by_header(uint64_t address) const;
  std::optional<uint64_t> find_by_index(uint64_t address) const;
  Result<UnwindFunction> function_at(uint64_t offset) const;

  UnwindSection section_;
  uint64_t bias_ = 0;
  std::vector<std::byte> storage_;
  std::optional<Header> header_;
  mutable std::once_flag index_once_;
  mutable std::vector<Indexed> index_;  ///< by start
};

}  // namespace clew::sym
