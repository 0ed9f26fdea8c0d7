#include "live/code_padding.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace clew::live {
namespace {

constexpr uint64_t alignment = 16;
static_assert(code_padding_size % alignment == 0);
constexpr size_t most_segments = 64;

template <typename T>
bool read(MemoryPort& memory, uint64_t address, T& into) {
  const auto n = memory.read_memory({address}, bytes_of(into));
  return n && *n == sizeof into;
}

/// Where the code of the file that begins at `base` ends, segment by segment.
std::vector<uint64_t> ends_of_code(MemoryPort& memory, Addr base) {
  std::vector<uint64_t> ends;
  Elf64_Ehdr header{};
  if (!read(memory, base.value, header)) return ends;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    return ends;
  }
  std::optional<uint64_t> bias;
  for (size_t i = 0; i < std::min<size_t>(header.e_phnum, most_segments); ++i) {
    Elf64_Phdr segment{};
    if (!read(memory, base.value + header.e_phoff + i * sizeof segment, segment)) break;
    if (segment.p_type != PT_LOAD) continue;
    if (!bias) bias = base.value - (segment.p_vaddr & ~(page_size - 1));
    if ((segment.p_flags & PF_X) != 0 && (segment.p_flags & PF_W) == 0)
      ends.push_back(*bias + segment.p_vaddr + std::max(segment.p_filesz, segment.p_memsz));
  }
  return ends;
}

}  // namespace

Result<Addr> find_code_padding(MemoryPort& memory, const std::set<uint64_t>& taken) {
  const auto mappings = memory.mappings();
  if (!mappings) return tl::unexpected(mappings.error());
  const auto is_free_code = [&](uint64_t start) {
    return std::any_of(mappings->begin(), mappings->end(), [&](const os::Mapping& mapping) {
      return mapping.executable && mapping.readable && !mapping.writable && !mapping.shared &&
             mapping.contains({start}) && mapping.contains({start + code_padding_size - 1});
    });
  };
  for (const os::Mapping& mapping : *mappings) {
    // The beginning of a file, where its headers are.
    if (mapping.inode == 0 || mapping.file_offset != 0 || !mapping.readable) continue;
    for (const uint64_t end : ends_of_code(memory, mapping.start)) {
      uint64_t start = (end + alignment - 1) & ~(alignment - 1);
      while (taken.contains(start)) start += code_padding_size;
      // Not beyond the page in which the code ends: what follows may be another segment's.
      if (start + code_padding_size > ((end + page_size - 1) & ~(page_size - 1))) continue;
      if (is_free_code(start)) return Addr{start};
    }
  }
  return fail(ErrorCode::not_found, "no mapped file has room behind its code");
}

}  // namespace clew::live
