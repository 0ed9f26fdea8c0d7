#include "sym/thread_words.h"

#include "sym/byte_reader.h"

namespace clew::sym {
namespace {

/// The value of a symbol in the table that a section of relocations names.
uint64_t symbol_value(const ElfImage& image, const ElfImage::Section& relocations, uint64_t index) {
  if (index == 0 || relocations.link >= image.sections().size()) return 0;
  const Bytes table = image.raw(image.sections()[relocations.link]);
  if (index >= table.size() / sizeof(Elf64_Sym)) return 0;
  return ByteReader(table.subspan(index * sizeof(Elf64_Sym))).number<Elf64_Sym>().st_value;
}

}  // namespace

std::vector<ThreadWord> thread_words(const ElfImage& image) {
  std::vector<ThreadWord> words;
  for (const ElfImage::Section& section : image.sections()) {
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0) continue;
    ByteReader reader(image.raw(section));
    while (reader.left() >= sizeof(Elf64_Rela)) {
      const auto entry = reader.number<Elf64_Rela>();
      if (ELF64_R_TYPE(entry.r_info) != R_X86_64_TPOFF64) continue;
      const uint64_t symbol = symbol_value(image, section, ELF64_R_SYM(entry.r_info));
      words.push_back({entry.r_offset, symbol + static_cast<uint64_t>(entry.r_addend)});
    }
  }
  return words;
}

}  // namespace clew::sym
