#include "sym/static_words.h"

#include <algorithm>

#include "sym/byte_reader.h"

namespace clew::sym {

StaticWords::StaticWords(const ElfImage& image) : image_(image) {
  for (const ElfImage::Section& section : image.sections()) {
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0) continue;
    ByteReader reader(image.raw(section));
    while (reader.left() >= sizeof(Elf64_Rela)) {
      const auto entry = reader.number<Elf64_Rela>();
      if (ELF64_R_TYPE(entry.r_info) == R_X86_64_RELATIVE)
        relocated_.emplace_back(entry.r_offset, static_cast<uint64_t>(entry.r_addend));
    }
  }
  std::sort(relocated_.begin(), relocated_.end());
}

std::optional<uint64_t> StaticWords::at(uint64_t address) const {
  const auto found =
      std::lower_bound(relocated_.begin(), relocated_.end(), std::pair(address, uint64_t{0}));
  if (found != relocated_.end() && found->first == address) return found->second;
  const Bytes bytes = image_.loaded_from(address);
  if (bytes.size() < sizeof(uint64_t)) return std::nullopt;
  return ByteReader(bytes).u64();
}

std::vector<uint64_t> StaticWords::relocated_to(uint64_t value) const {
  std::vector<uint64_t> places;
  for (const auto& [address, written] : relocated_) {
    if (written == value) places.push_back(address);
  }
  return places;
}

}  // namespace clew::sym
