#pragma once

#include <cstdint>
#include <vector>

#include "sym/elf_image.h"

namespace clew::sym {

/// Where an image has code. Linkers that drop a function leave its debug information, with
/// addresses near 0 or at the end of the address space, which must not be mistaken for code.
class CodeRanges {
 public:
  CodeRanges() = default;
  explicit CodeRanges(const ElfImage& image);
  /// Code at every address, for data that comes without an image.
  static CodeRanges everything();

  bool contains(uint64_t address) const;

 private:
  struct Range {
    uint64_t start = 0, end = 0;
  };
  std::vector<Range> ranges_;  // by address
};

}  // namespace clew::sym
