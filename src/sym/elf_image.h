#pragma once

#include <gelf.h>
#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace clew::sym {

/// The GNU build-id: what ties a file on disk, a separate debug file and the bytes in memory
/// together.
struct BuildId {
  std::string bytes;

  bool empty() const { return bytes.empty(); }
  /// Lower-case hexadecimal, as in the names of debug files.
  std::string hex() const;
  friend bool operator==(const BuildId&, const BuildId&) = default;
};

/// @return the build-id in a block of ELF notes, empty when it has none.
BuildId build_id_of_notes(Bytes notes);

/// One ELF file, opened for reading and mapped: whole programs, libraries, separate debug files,
/// the vdso. Immutable after it was opened. What is wrong in the file shows as absence, never as a
/// crash: libelf checks its bounds.
class ElfImage {
 public:
  struct Section {
    std::string name;
    uint32_t type = 0;
    uint64_t flags = 0;
    uint64_t address = 0;  ///< in the file's own address space; 0 when it is not loaded
    uint64_t offset = 0;   ///< in the file
    uint64_t size = 0;     ///< in the file, which is the compressed size for SHF_COMPRESSED
    uint32_t link = 0;
    size_t index = 0;
    /// Its bytes are not those of the file but were made in memory, `size` of them: only raw() has
    /// them.
    bool in_memory = false;
  };
  struct Segment {
    uint32_t type = 0;
    uint32_t flags = 0;
    uint64_t offset = 0;
    uint64_t address = 0;
    uint64_t file_size = 0;
    uint64_t memory_size = 0;
    uint64_t alignment = 0;
  };

  /// Takes the descriptor over. `label` is what errors call the file.
  /// @return bad_data when it is no ELF file.
  static Result<std::unique_ptr<ElfImage>> open(UniqueFd fd, std::string label);
  static Result<std::unique_ptr<ElfImage>> open_path(const std::string& path);
  /// An image in clew's own memory (the vdso, a decompressed .gnu_debugdata); keeps the bytes.
  static Result<std::unique_ptr<ElfImage>> from_memory(std::vector<std::byte> bytes,
                                                       std::string label);
  /// The same file once more, with every section of debug information decompressed in memory (zlib,
  /// zstd, .zdebug_), so that libdw and all others find plain bytes. Sections that cannot be
  /// decompressed are left as they are and described in `problems`. Several are worked on at a
  /// time. With `only` (".debug_info" and the like) it is those alone: in the copy the others that
  /// are compressed have no bytes, as in a file that was stripped of them.
  Result<std::unique_ptr<ElfImage>> decompressed_copy(
      std::vector<std::string>& problems, std::span<const std::string_view> only = {}) const;
  ~ElfImage();
  ElfImage(const ElfImage&) = delete;
  ElfImage& operator=(const ElfImage&) = delete;

  const std::string& label() const { return label_; }
  Elf* elf() const { return elf_; }
  /// -1 when the image lies in memory.
  int fd() const { return fd_.value(); }
  uint16_t machine() const { return machine_; }
  uint16_t type() const { return type_; }  ///< ET_EXEC, ET_DYN, …
  uint64_t entry() const { return entry_; }
  const BuildId& build_id() const { return build_id_; }
  const std::vector<Section>& sections() const { return sections_; }
  const std::vector<Segment>& segments() const { return segments_; }

  /// True when a section of debug information is compressed.
  bool has_compressed_debug_sections() const;

  const Section* find_section(std::string_view name) const;
  /// The bytes of a section as they stand in the file, a view that lives as long as the image;
  /// empty for SHT_NOBITS and on a file that is cut short. A compressed section stays compressed:
  /// see decompressed().
  Bytes raw(const Section& section) const;
  /// The bytes of the file that are loaded at `address` and behind it, up to the end of their
  /// segment's part of the file; a view as above. Empty when nothing is.
  Bytes loaded_from(uint64_t address) const;
  /// The bytes of a section, decompressed when it is compressed (SHF_COMPRESSED or .zdebug_).
  /// `storage` keeps the result when a copy had to be made. @return bad_data.
  Result<Bytes> decompressed(const Section& section, std::vector<std::byte>& storage) const;

 private:
  ElfImage(std::string label) : label_(std::move(label)) {}
  Status read_headers();
  struct Unpacked {
    Section* section = nullptr;
    Bytes packed;
    std::vector<std::byte> bytes;
    Status status;
  };
  Result<Bytes> unpack(const Section& section, Bytes packed, std::vector<std::byte>& storage) const;
  void unpack_all(std::vector<Unpacked>& sections) const;
  Status put_in(Unpacked& unpacked);
  Status leave_out(Section& section);

  std::string label_;
  UniqueFd fd_;
  std::vector<std::byte> bytes_;
  std::vector<std::vector<std::byte>> decompressed_;  // sections of a decompressed copy
  Elf* elf_ = nullptr;
  uint16_t machine_ = 0;
  uint16_t type_ = 0;
  uint64_t entry_ = 0;
  BuildId build_id_;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
};

}  // namespace clew::sym
