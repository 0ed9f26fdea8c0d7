#include "sym/memory_image.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "base/printable.h"

namespace clew::sym {
namespace {

/// Notes are some hundred bytes.
constexpr uint64_t largest_notes = 1 << 16;
constexpr size_t most_segments = 128;
constexpr uint64_t largest_image = uint64_t{256} << 20;
constexpr uint64_t page = 4096;
constexpr uint64_t most_symbols = 1 << 22;

/// A file as it grows together again.
class Rebuilt {
 public:
  Rebuilt(Addr header, MemoryReader& memory) : start_(header), memory_(memory) {}

  Status read() {
    auto header = memory_.read<Elf64_Ehdr>(start_);
    if (!header) return tl::unexpected(header.error());
    header_ = *header;
    const bool is_elf =
        std::memcmp(header_.e_ident, ELFMAG, SELFMAG) == 0 &&
        header_.e_ident[EI_CLASS] == ELFCLASS64 && header_.e_ident[EI_DATA] == ELFDATA2LSB &&
        header_.e_phentsize == sizeof(Elf64_Phdr) && header_.e_phnum <= most_segments;
    if (!is_elf) return fail(ErrorCode::bad_data, "no ELF header in memory");
    segments_.resize(header_.e_phnum);
    if (auto status = memory_.read_exactly(start_ + header_.e_phoff,
                                           std::as_writable_bytes(std::span(segments_)));
        !status) {
      return status;
    }
    return read_segments();
  }

  std::vector<std::byte> take() {
    add_sections();
    return std::move(bytes_);
  }

 private:
  Status read_segments() {
    uint64_t size = 0;
    for (const Elf64_Phdr& s : segments_) {
      if (s.p_type != PT_LOAD) continue;
      if (s.p_offset > largest_image || s.p_filesz > largest_image)
        return fail(ErrorCode::bad_data, "an ELF header in memory claims absurd sizes");
      if (s.p_offset < page) bias_ = start_.value - (s.p_vaddr - s.p_offset);
      size = std::max(size, s.p_offset + s.p_filesz);
    }
    if (size > largest_image || size < sizeof header_)
      return fail(ErrorCode::bad_data, "an ELF header in memory claims absurd sizes");
    bytes_.resize(size);
    for (const Elf64_Phdr& s : segments_) {
      if (s.p_type == PT_LOAD) copy(s);
    }
    return {};
  }

  /// What cannot be read stays zero.
  void copy(const Elf64_Phdr& segment) {
    const MutableBytes into = std::span(bytes_).subspan(segment.p_offset, segment.p_filesz);
    for (size_t done = 0; done < into.size();) {
      const size_t step = std::min<size_t>(into.size() - done, 256 * page);
      const auto read =
          memory_.read_memory({segment.p_vaddr + bias_ + done}, into.subspan(done, step));
      done += read && *read == step ? step : std::min<size_t>(step, page);
    }
  }

  /// A pointer of the dynamic section, as an offset in the file: ld.so adds the bias to most.
  std::optional<uint64_t> file_offset(uint64_t pointer) const {
    for (const uint64_t address : {pointer, pointer - bias_}) {
      for (const Elf64_Phdr& s : segments_) {
        if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz)
          return address - s.p_vaddr + s.p_offset;
      }
    }
    return std::nullopt;
  }

  template <typename T>
  T at(uint64_t offset) const {
    T value{};
    if (offset <= bytes_.size() && sizeof value <= bytes_.size() - offset)
      std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

  struct Dynamic {
    std::optional<uint64_t> symbols, strings, hash, gnu_hash;  // offsets in the file
    uint64_t strings_size = 0;
  };

  Dynamic read_dynamic() const {
    Dynamic dynamic;
    for (const Elf64_Phdr& s : segments_) {
      if (s.p_type != PT_DYNAMIC) continue;
      for (uint64_t i = 0; i < s.p_filesz / sizeof(Elf64_Dyn); ++i) {
        const auto entry = at<Elf64_Dyn>(s.p_offset + i * sizeof(Elf64_Dyn));
        if (entry.d_tag == DT_NULL) break;
        if (entry.d_tag == DT_SYMTAB) dynamic.symbols = file_offset(entry.d_un.d_ptr);
        if (entry.d_tag == DT_STRTAB) dynamic.strings = file_offset(entry.d_un.d_ptr);
        if (entry.d_tag == DT_HASH) dynamic.hash = file_offset(entry.d_un.d_ptr);
        if (entry.d_tag == DT_GNU_HASH) dynamic.gnu_hash = file_offset(entry.d_un.d_ptr);
        if (entry.d_tag == DT_STRSZ) dynamic.strings_size = entry.d_un.d_val;
      }
    }
    return dynamic;
  }

  /// The dynamic section does not say how many symbols there are; the hash tables do.
  uint64_t symbol_count(const Dynamic& dynamic) const {
    if (dynamic.hash) return at<uint32_t>(*dynamic.hash + sizeof(uint32_t));
    if (!dynamic.gnu_hash) return 0;
    const uint64_t table = *dynamic.gnu_hash;
    const uint64_t buckets = at<uint32_t>(table);
    const uint64_t first = at<uint32_t>(table + 4);
    const uint64_t bucket_place = table + 16 + uint64_t{at<uint32_t>(table + 8)} * sizeof(uint64_t);
    uint64_t last = 0;
    for (uint64_t i = 0; i < std::min(buckets, most_symbols); ++i)
      last = std::max<uint64_t>(last, at<uint32_t>(bucket_place + i * sizeof(uint32_t)));
    if (last < first) return first;
    // The last chain ends at the number with its lowest bit set.
    const uint64_t chain_place = bucket_place + buckets * sizeof(uint32_t);
    for (; last < most_symbols; ++last) {
      const uint64_t place = chain_place + (last - first) * sizeof(uint32_t);
      if (place + sizeof(uint32_t) > bytes_.size()) break;
      if ((at<uint32_t>(place) & 1) != 0) return last + 1;
    }
    return 0;
  }

  /// Puts section headers behind: .dynsym and .dynstr, so that they are found.
  void add_sections() {
    constexpr char names[] = "\0.dynsym\0.dynstr\0.shstrtab";
    const Dynamic dynamic = read_dynamic();
    std::array<Elf64_Shdr, 4> sections{};
    if (dynamic.symbols && dynamic.strings) {
      const uint64_t room = bytes_.size() - *dynamic.symbols;
      sections[1].sh_name = 1;
      sections[1].sh_type = SHT_DYNSYM;
      sections[1].sh_offset = *dynamic.symbols;
      sections[1].sh_size =
          std::min(symbol_count(dynamic), room / sizeof(Elf64_Sym)) * sizeof(Elf64_Sym);
      sections[1].sh_link = 2;
      sections[1].sh_entsize = sizeof(Elf64_Sym);
      sections[2].sh_name = 9;
      sections[2].sh_type = SHT_STRTAB;
      sections[2].sh_offset = *dynamic.strings;
      sections[2].sh_size = std::min(dynamic.strings_size, bytes_.size() - *dynamic.strings);
    }
    sections[3].sh_name = 17;
    sections[3].sh_type = SHT_STRTAB;
    sections[3].sh_offset = bytes_.size();
    sections[3].sh_size = sizeof names;
    for (Elf64_Shdr& section : sections) section.sh_addralign = 1;
    const auto append = [&](Bytes bytes) {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    };
    append(std::as_bytes(std::span(names)));
    bytes_.resize((bytes_.size() + 7) & ~size_t{7});
    header_.e_shoff = bytes_.size();
    header_.e_shnum = static_cast<Elf64_Half>(sections.size());
    header_.e_shentsize = sizeof(Elf64_Shdr);
    header_.e_shstrndx = 3;
    append(std::as_bytes(std::span(sections)));
    std::memcpy(bytes_.data(), &header_, sizeof header_);
  }

  Addr start_;
  MemoryReader& memory_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  uint64_t bias_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace

BuildId build_id_in_memory(const ElfImage& image, uint64_t bias, MemoryReader& memory) {
  for (const ElfImage::Segment& segment : image.segments()) {
    if (segment.type != PT_NOTE || segment.file_size > largest_notes) continue;
    std::vector<std::byte> notes(segment.file_size);
    if (!memory.read_exactly({segment.address + bias}, notes)) continue;
    BuildId id = build_id_of_notes(notes);
    if (!id.empty()) return id;
  }
  return {};
}

Result<std::unique_ptr<ElfImage>> image_from_memory(Addr header, MemoryReader& memory,
                                                    std::string label) {
  Rebuilt rebuilt(header, memory);
  if (auto status = rebuilt.read(); !status) {
    return fail(status.error().code, fmt::format("{} at {:#x}: {}", printable(label), header.value,
                                                 status.error().text));
  }
  return ElfImage::from_memory(rebuilt.take(), std::move(label));
}

}  // namespace clew::sym
