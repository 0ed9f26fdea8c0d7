#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// What belongs to one split unit: views into its .dwo file or package.
struct SplitSections {
  Bytes info, types, abbrev, line, loc, loclists, str_offsets, str, rnglists, macro, macinfo;
};

/// The sections of a .dwo file. Type units can stand in sections of their own that have the same
/// name as that of the unit; `storage` keeps what had to be joined.
SplitSections split_sections_of_file(const ElfImage& image,
                                     std::vector<std::vector<std::byte>>& storage);

/// A package of split units (DWARF 5, 7.3.5, and the GNU form of version 2 before it).
class DwarfPackage {
 public:
  /// Views into `image`, which must live as long. @return nullopt when it is no package that makes
  /// sense.
  static std::optional<DwarfPackage> read(const ElfImage& image);

  /// The sections of the unit with that id; nullopt when it is not in the package. Type units of
  /// the package are left out, except those that stand beside their unit.
  std::optional<SplitSections> find(uint64_t id) const;

 private:
  struct Index {
    unsigned version = 0;
    uint32_t columns = 0, units = 0, slots = 0;
    Bytes hashes, rows, ids, offsets, sizes;
  };

  std::vector<std::vector<std::byte>> storage_;
  SplitSections whole_;
  Index index_;
};

}  // namespace clew::sym
