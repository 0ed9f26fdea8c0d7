// Decompressed copies of ELF files.

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/printable.h"
#include "base/worker.h"
#include "os/scheduling.h"
#include "sym/elf_image.h"
#include "sym/elf_sections.h"

namespace clew::sym {
namespace {

constexpr std::string_view old_prefix = ".zdebug_";
/// Packed bytes that are unpacked sooner than a thread is started.
constexpr size_t worth_a_worker = 64 << 10;
/// There are few sections of any size.
constexpr size_t most_workers = 4;

bool is_compressed_debug(const ElfImage::Section& section) {
  if (section.name.starts_with(old_prefix)) return true;
  return (section.flags & SHF_COMPRESSED) != 0 && section.name.starts_with(".debug_");
}

/// As it is called when it is not compressed.
std::string plain_name(const ElfImage::Section& section) {
  if (!section.name.starts_with(old_prefix)) return section.name;
  return ".debug_" + section.name.substr(old_prefix.size());
}

}  // namespace

bool ElfImage::has_compressed_debug_sections() const {
  for (const Section& section : sections_) {
    if (is_compressed_debug(section)) return true;
  }
  return false;
}

Result<std::unique_ptr<ElfImage>> ElfImage::decompressed_copy(
    std::vector<std::string>& problems, std::span<const std::string_view> only) const {
  auto copy = fd_ ? open(UniqueFd(::fcntl(fd_.value(), F_DUPFD_CLOEXEC, 0)), label_)
                  : from_memory(bytes_, label_);
  if (!copy) return copy;
  const auto note = [&](const Status& status) {
    if (!status) problems.push_back(status.error().text);
  };
  std::vector<Unpacked> wanted;
  for (Section& section : (*copy)->sections_) {
    if (!is_compressed_debug(section)) continue;
    if (only.empty() || std::find(only.begin(), only.end(), plain_name(section)) != only.end()) {
      wanted.push_back({&section, (*copy)->raw(section), {}, {}});
    } else {
      note((*copy)->leave_out(section));
    }
  }
  (*copy)->unpack_all(wanted);
  for (Unpacked& unpacked : wanted) note((*copy)->put_in(unpacked));
  return copy;
}

/// libelf is not made for several threads, and is not asked for anything here.
void ElfImage::unpack_all(std::vector<Unpacked>& sections) const {
  // The largest first, so that none is left for the end.
  std::stable_sort(sections.begin(), sections.end(), [](const Unpacked& a, const Unpacked& b) {
    return a.packed.size() > b.packed.size();
  });
  size_t others = 0;
  for (size_t i = 1; i < sections.size(); ++i) others += sections[i].packed.size();
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < sections.size(); i = next++) {
      Unpacked& one = sections[i];
      if (const auto done = unpack(*one.section, one.packed, one.bytes); !done)
        one.status = tl::unexpected(done.error());
    }
  };
  const size_t helpers = others < worth_a_worker ? 0 : std::min(most_workers, sections.size()) - 1;
  std::vector<std::thread> workers;
  for (size_t i = 0; i < std::min<size_t>(helpers, os::usable_cpus() - 1); ++i)
    workers.push_back(start_worker(work));
  work();
  for (std::thread& worker : workers) worker.join();
}

Status ElfImage::put_in(Unpacked& unpacked) {
  if (!unpacked.status) return unpacked.status;
  Section& section = *unpacked.section;
  std::vector<std::byte>& bytes = decompressed_.emplace_back(std::move(unpacked.bytes));
  Elf_Scn* const scn = elf_getscn(elf_, section.index);
  GElf_Shdr header;
  if (gelf_getshdr(scn, &header) == nullptr)
    return fail(ErrorCode::bad_data, fmt::format("{} has a bad section", printable(label_)));
  header.sh_flags &= ~static_cast<GElf_Xword>(SHF_COMPRESSED);
  header.sh_size = bytes.size();
  header.sh_addralign = 1;
  // The bytes of a vector do not move with it.
  if (!replace_section_bytes(scn, bytes) || gelf_update_shdr(scn, &header) == 0) {
    return fail(ErrorCode::bad_data,
                fmt::format("{}: section {} cannot be replaced: {}", printable(label_),
                            printable(section.name), elf_errmsg(-1)));
  }
  section.name = plain_name(section);
  section.flags = header.sh_flags;
  section.size = header.sh_size;
  section.in_memory = true;
  return {};
}

Status ElfImage::leave_out(Section& section) {
  Elf_Scn* const scn = elf_getscn(elf_, section.index);
  GElf_Shdr header;
  if (gelf_getshdr(scn, &header) == nullptr)
    return fail(ErrorCode::bad_data, fmt::format("{} has a bad section", printable(label_)));
  header.sh_type = section.type = SHT_NOBITS;
  header.sh_flags &= ~static_cast<GElf_Xword>(SHF_COMPRESSED);
  section.flags = header.sh_flags;
  section.name = plain_name(section);
  if (gelf_update_shdr(scn, &header) != 0) return {};
  return fail(ErrorCode::bad_data,
              fmt::format("{}: section {} cannot be left out: {}", printable(label_),
                          printable(section.name), elf_errmsg(-1)));
}

}  // namespace clew::sym
