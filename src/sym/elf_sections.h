#pragma once

#include <libelf.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace clew::sym {

/// Makes a section of an open file have other bytes, for every later reader of `elf`. They are not
/// copied and must live as long as `elf`. @return false when libelf does not have the section.
bool replace_section_bytes(Elf_Scn* section, Bytes bytes);

/// An ELF file that exists only in memory: named sections whose bytes lie elsewhere, for libdw to
/// read.
class SectionedElf {
 public:
  struct Section {
    std::string name;
    Bytes bytes;  ///< not copied: must live as long as the file
  };

  /// Without sections that are empty. `machine` is an EM_ number.
  SectionedElf(std::vector<Section> sections, uint16_t machine);
  ~SectionedElf();
  SectionedElf(const SectionedElf&) = delete;
  SectionedElf& operator=(const SectionedElf&) = delete;

  /// nullptr when it could not be made.
  Elf* elf() const { return elf_; }

 private:
  std::vector<std::byte> headers_;
  Elf* elf_ = nullptr;
};

}  // namespace clew::sym
