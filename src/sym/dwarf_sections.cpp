#include "sym/dwarf_sections.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clew::sym {

DwarfSections::DwarfSections(const ElfImage& image, bool split) {
  struct stat info {};
  if (image.fd() >= 0 && fstat(image.fd(), &info) == 0 && info.st_size > 0) {
    const auto size = static_cast<size_t>(info.st_size);
    void* const at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, image.fd(), 0);
    if (at != MAP_FAILED) {
      mapped_ = static_cast<const std::byte*>(at);
      mapped_size_ = size;
    }
  }
  sections_.info = section(image, "info", split);
  sections_.types = section(image, "types", split);
  sections_.abbrev = section(image, "abbrev", split);
  sections_.str = section(image, "str", split);
  sections_.line_str = section(image, "line_str", false);
  sections_.str_offsets = section(image, "str_offsets", split);
}

DwarfSections::DwarfSections(const InMemory& sections) : sections_(sections) {}

DwarfSections::~DwarfSections() {
  if (mapped_ != nullptr) munmap(const_cast<std::byte*>(mapped_), mapped_size_);
}

Bytes DwarfSections::section(const ElfImage& image, std::string_view name, bool split) {
  const std::string_view suffix = split ? ".dwo" : "";
  const ElfImage::Section* found = image.find_section(fmt::format(".debug_{}{}", name, suffix));
  if (found == nullptr) found = image.find_section(fmt::format(".zdebug_{}{}", name, suffix));
  if (found == nullptr || found->type == SHT_NOBITS) return {};
  // Of a decompressed copy of the file.
  if (found->in_memory) return image.raw(*found);
  const bool packed = (found->flags & SHF_COMPRESSED) != 0 || found->name.starts_with(".zdebug_");
  if (!packed && mapped_ != nullptr) {
    if (found->offset > mapped_size_ || found->size > mapped_size_ - found->offset) return {};
    return {mapped_ + found->offset, found->size};
  }
  auto storage = std::make_unique<std::vector<std::byte>>();
  const auto bytes = image.decompressed(*found, *storage);
  if (!bytes) return {};
  unpacked_.push_back(std::move(storage));
  return *bytes;
}

void DwarfSections::give_back(Bytes bytes) const {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto mapped = reinterpret_cast<uintptr_t>(mapped_);
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t start = (begin + page - 1) & ~(page - 1);
  const uintptr_t end = (begin + bytes.size()) & ~(page - 1);
  if (mapped == 0 || start < mapped || end > mapped + mapped_size_ || start >= end) return;
  madvise(const_cast<std::byte*>(bytes.data()) + (start - begin), end - start, MADV_DONTNEED);
}

}  // namespace clew::sym
