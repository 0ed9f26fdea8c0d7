#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sym/elf_image.h"

namespace clew::sym {

/// Words of a file's data as they are once it is loaded at its own addresses: those that the
/// dynamic loader is to relocate (R_X86_64_RELATIVE) are in the relocations and not in the data.
class StaticWords {
 public:
  /// `image` must outlive it.
  explicit StaticWords(const ElfImage& image);

  /// The 8 bytes at an address. @return nullopt where nothing is loaded from the file.
  std::optional<uint64_t> at(uint64_t address) const;
  /// Every place where the loader writes `value`.
  std::vector<uint64_t> relocated_to(uint64_t value) const;

 private:
  const ElfImage& image_;
  std::vector<std::pair<uint64_t, uint64_t>> relocated_;  ///< address and value, by address
};

}  // namespace clew::sym
