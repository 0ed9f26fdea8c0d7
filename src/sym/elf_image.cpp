#include "sym/elf_image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/populate.h"
#include "base/printable.h"

namespace clew::sym {
namespace {

constexpr std::string_view gnu_note_name{"GNU\0", 4};
/// A section that claims to be larger than this when decompressed is not believed.
constexpr uint64_t largest_section = uint64_t{16} << 30;

constexpr uint32_t compressed_by_zstd = 2;  // ELFCOMPRESS_ZSTD, which elf.h of Debian 12 lacks
/// zlib packs 1032 to one at best (its technical notes), and nothing that zstd is given here more
/// than this, so that a header cannot ask for memory that the data cannot fill.
constexpr uint64_t best_ratio_zlib = 1100;
constexpr uint64_t best_ratio_zstd = 2000;

/// Room for what is unpacked.
void make_room(std::vector<std::byte>& into, uint64_t size) {
  into.reserve(size);
  populate({into.data(), size});
  into.resize(size);
}

/// By libdeflate, which is twice as fast as zlib. It needs all of the packed data at once, and that
/// is there.
bool inflate(Bytes packed, uint64_t size, std::vector<std::byte>& into) {
  if (size / best_ratio_zlib > packed.size()) return false;
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> inflater(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  if (inflater == nullptr) return false;
  make_room(into, size);
  // Without a place for the real size, any other than `size` is an error.
  return libdeflate_zlib_decompress(inflater.get(), packed.data(), packed.size(), into.data(), size,
                                    nullptr) == LIBDEFLATE_SUCCESS;
}

bool unpack_zstd(Bytes packed, uint64_t size, std::vector<std::byte>& into) {
  if (size / best_ratio_zstd > packed.size()) return false;
  make_room(into, size);
  return ZSTD_decompress(into.data(), size, packed.data(), packed.size()) == size;
}

BuildId build_id_in(Elf_Data* data) {
  if (data == nullptr || data->d_buf == nullptr) return {};
  return build_id_of_notes({static_cast<const std::byte*>(data->d_buf), data->d_size});
}

}  // namespace

std::string BuildId::hex() const {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

BuildId build_id_of_notes(Bytes notes) {
  // elf(5), "Notes": name and descriptor are padded to four bytes.
  const auto padded = [](uint64_t n) { return (n + 3) & ~uint64_t{3}; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data(), sizeof header);
    notes = notes.subspan(sizeof header);
    const uint64_t descriptor = padded(header.n_namesz);
    const uint64_t end = descriptor + header.n_descsz;
    if (end > notes.size()) return {};
    const auto* const text = reinterpret_cast<const char*>(notes.data());
    if (header.n_type == NT_GNU_BUILD_ID &&
        std::string_view(text, header.n_namesz) == gnu_note_name) {
      return {std::string(text + descriptor, header.n_descsz)};
    }
    notes = notes.subspan(std::min<uint64_t>(padded(end), notes.size()));
  }
  return {};
}

Result<std::unique_ptr<ElfImage>> ElfImage::open(UniqueFd fd, std::string label) {
  elf_version(EV_CURRENT);
  std::unique_ptr<ElfImage> image(new ElfImage(std::move(label)));
  image->fd_ = std::move(fd);
  image->elf_ = elf_begin(image->fd_.value(), ELF_C_READ_MMAP, nullptr);
  if (auto status = image->read_headers(); !status) return tl::unexpected(status.error());
  return image;
}

Result<std::unique_ptr<ElfImage>> ElfImage::open_path(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_os(errno, fmt::format("cannot open {}", printable(path)));
  return open(std::move(fd), path);
}

Result<std::unique_ptr<ElfImage>> ElfImage::from_memory(std::vector<std::byte> bytes,
                                                        std::string label) {
  elf_version(EV_CURRENT);
  std::unique_ptr<ElfImage> image(new ElfImage(std::move(label)));
  image->bytes_ = std::move(bytes);
  image->elf_ = elf_memory(reinterpret_cast<char*>(image->bytes_.data()), image->bytes_.size());
  if (auto status = image->read_headers(); !status) return tl::unexpected(status.error());
  return image;
}

ElfImage::~ElfImage() {
  if (elf_ != nullptr) elf_end(elf_);
}

Status ElfImage::read_headers() {
  GElf_Ehdr header;
  if (elf_ == nullptr || elf_kind(elf_) != ELF_K_ELF || gelf_getehdr(elf_, &header) == nullptr) {
    return fail(ErrorCode::bad_data, fmt::format("{} is not an ELF file", printable(label_)));
  }
  machine_ = header.e_machine;
  type_ = header.e_type;
  entry_ = header.e_entry;
  size_t count = 0;
  if (elf_getphdrnum(elf_, &count) == 0) {
    for (size_t i = 0; i < count; ++i) {
      GElf_Phdr p;
      if (gelf_getphdr(elf_, static_cast<int>(i), &p) == nullptr) break;
      segments_.push_back(
          {p.p_type, p.p_flags, p.p_offset, p.p_vaddr, p.p_filesz, p.p_memsz, p.p_align});
      if (p.p_type == PT_NOTE && build_id_.empty()) {
        build_id_ = build_id_in(
            elf_getdata_rawchunk(elf_, static_cast<int64_t>(p.p_offset), p.p_filesz, ELF_T_BYTE));
      }
    }
  }
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return {};
  for (Elf_Scn* scn = elf_nextscn(elf_, nullptr); scn != nullptr; scn = elf_nextscn(elf_, scn)) {
    GElf_Shdr s;
    if (gelf_getshdr(scn, &s) == nullptr) continue;
    const char* const name = elf_strptr(elf_, names, s.sh_name);
    sections_.push_back({name == nullptr ? "" : name, s.sh_type, s.sh_flags, s.sh_addr, s.sh_offset,
                         s.sh_size, s.sh_link, elf_ndxscn(scn)});
    if (s.sh_type == SHT_NOTE && build_id_.empty()) {
      build_id_ = build_id_in(elf_rawdata(scn, nullptr));
    }
  }
  return {};
}

const ElfImage::Section* ElfImage::find_section(std::string_view name) const {
  for (const Section& section : sections_) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

Bytes ElfImage::raw(const Section& section) const {
  if (section.type == SHT_NOBITS) return {};
  Elf_Data* const data = elf_rawdata(elf_getscn(elf_, section.index), nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const std::byte*>(data->d_buf), data->d_size};
}

Bytes ElfImage::loaded_from(uint64_t address) const {
  size_t size = 0;
  const char* const file = elf_rawfile(elf_, &size);
  if (file == nullptr) return {};
  for (const Segment& segment : segments_) {
    if (segment.type != PT_LOAD || address < segment.address) continue;
    const uint64_t inside = address - segment.address;
    if (inside >= segment.file_size || segment.offset > size || inside >= size - segment.offset)
      continue;
    const uint64_t length = std::min(segment.file_size - inside, size - segment.offset - inside);
    return {reinterpret_cast<const std::byte*>(file) + segment.offset + inside, length};
  }
  return {};
}

Result<Bytes> ElfImage::decompressed(const Section& section,
                                     std::vector<std::byte>& storage) const {
  return unpack(section, raw(section), storage);
}

Result<Bytes> ElfImage::unpack(const Section& section, Bytes bytes,
                               std::vector<std::byte>& storage) const {
  const auto broken = [&](std::string_view what) {
    return fail(ErrorCode::bad_data,
                fmt::format("{}: section {} {}", printable(label_), printable(section.name), what));
  };
  if ((section.flags & SHF_COMPRESSED) != 0) {
    // elf(5) and the gABI, "Compression": the header is in front of the data.
    Elf64_Chdr header;
    if (bytes.size() < sizeof header) return broken("is too short to be compressed");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.ch_size > largest_section) return broken("claims an absurd size");
    const Bytes packed = bytes.subspan(sizeof header);
    const bool done = header.ch_type == ELFCOMPRESS_ZLIB ? inflate(packed, header.ch_size, storage)
                      : header.ch_type == compressed_by_zstd
                          ? unpack_zstd(packed, header.ch_size, storage)
                          : false;
    if (!done) return broken("cannot be decompressed");
    return Bytes(storage);
  }
  if (section.name.starts_with(".zdebug_")) {
    // The GNU form before SHF_COMPRESSED: "ZLIB" and the size, big-endian.
    constexpr std::string_view magic = "ZLIB";
    if (bytes.size() < 12 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
      return broken("has no ZLIB header");
    }
    uint64_t size = 0;
    for (size_t i = 4; i < 12; ++i) size = size << 8 | std::to_integer<uint64_t>(bytes[i]);
    if (size > largest_section || !inflate(bytes.subspan(12), size, storage)) {
      return broken("cannot be decompressed");
    }
    return Bytes(storage);
  }
  return bytes;
}

}  // namespace clew::sym
