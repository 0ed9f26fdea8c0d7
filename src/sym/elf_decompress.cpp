// Decompressed copies of ELF files.

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "base/printable.h"
#include "sym/elf_image.h"
#include "sym/elf_sections.h"

namespace clew::sym {
namespace {

constexpr std::string_view old_prefix = ".zdebug_";

bool is_compressed_debug(const ElfImage::Section& section) {
  if (section.name.starts_with(old_prefix)) return true;
  return (section.flags & SHF_COMPRESSED) != 0 && section.name.starts_with(".debug_");
}

}  // namespace

bool ElfImage::has_compressed_debug_sections() const {
  for (const Section& section : sections_) {
    if (is_compressed_debug(section)) return true;
  }
  return false;
}

Result<std::unique_ptr<ElfImage>> ElfImage::decompressed_copy(
    std::vector<std::string>& problems) const {
  auto copy = fd_ ? open(UniqueFd(::fcntl(fd_.value(), F_DUPFD_CLOEXEC, 0)), label_)
                  : from_memory(bytes_, label_);
  if (!copy) return copy;
  for (Section& section : (*copy)->sections_) {
    if (!is_compressed_debug(section)) continue;
    if (auto status = (*copy)->decompress_section(section); !status)
      problems.push_back(status.error().text);
  }
  return copy;
}

Status ElfImage::decompress_section(Section& section) {
  std::vector<std::byte> storage;
  const auto bytes = decompressed(section, storage);
  if (!bytes) return tl::unexpected(bytes.error());
  Elf_Scn* const scn = elf_getscn(elf_, section.index);
  GElf_Shdr header;
  if (gelf_getshdr(scn, &header) == nullptr)
    return fail(ErrorCode::bad_data, fmt::format("{} has a bad section", printable(label_)));
  header.sh_flags &= ~static_cast<GElf_Xword>(SHF_COMPRESSED);
  header.sh_size = storage.size();
  header.sh_addralign = 1;
  if (!replace_section_bytes(scn, storage) || gelf_update_shdr(scn, &header) == 0) {
    return fail(ErrorCode::bad_data,
                fmt::format("{}: section {} cannot be replaced: {}", printable(label_),
                            printable(section.name), elf_errmsg(-1)));
  }
  decompressed_.push_back(std::move(storage));  // its bytes do not move
  section.flags = header.sh_flags;
  section.size = header.sh_size;
  section.in_memory = true;
  if (section.name.starts_with(old_prefix))
    section.name = ".debug_" + section.name.substr(old_prefix.size());
  return {};
}

}  // namespace clew::sym
