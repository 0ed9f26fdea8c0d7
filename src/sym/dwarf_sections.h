#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "sym/elf_image.h"

namespace clew::sym {

/// The sections of one file that names are read from. Mapped anew, apart from what libelf maps, so
/// that pages which are done with can be given back: a walk over all of .debug_info would else
/// leave all of it resident.
class DwarfSections {
 public:
  /// `image` must outlive it. With `split` the sections of split DWARF are taken
  /// (".debug_info.dwo", …). What is missing or broken is empty.
  explicit DwarfSections(const ElfImage& image, bool split = false);
  /// For tests: sections that lie in memory.
  struct InMemory {
    Bytes info, types, abbrev, str, line_str, str_offsets;
  };
  explicit DwarfSections(const InMemory& sections);
  ~DwarfSections();
  DwarfSections(const DwarfSections&) = delete;
  DwarfSections& operator=(const DwarfSections&) = delete;

  Bytes info() const { return sections_.info; }
  Bytes types() const { return sections_.types; }
  Bytes abbrev() const { return sections_.abbrev; }
  Bytes str() const { return sections_.str; }
  Bytes line_str() const { return sections_.line_str; }
  Bytes str_offsets() const { return sections_.str_offsets; }

  /// The file that dwz has moved common parts to; nullptr when there is none.
  const DwarfSections* alt() const { return alt_; }
  /// `alt` must outlive this.
  void set_alt(const DwarfSections* alt) { alt_ = alt; }

  /// Tells the kernel that these bytes are not needed for now. They stay readable.
  void give_back(Bytes bytes) const;

 private:
  Bytes section(const ElfImage& image, std::string_view name, bool split);

  InMemory sections_;
  const std::byte* mapped_ = nullptr;
  size_t mapped_size_ = 0;
  const DwarfSections* alt_ = nullptr;
  std::vector<std::unique_ptr<std::vector<std::byte>>> unpacked_;
};

}  // namespace clew::sym
