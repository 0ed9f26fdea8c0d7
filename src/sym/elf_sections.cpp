#include "sym/elf_sections.h"

#include <elf.h>

#include <algorithm>

namespace clew::sym {

bool replace_section_bytes(Elf_Scn* section, Bytes bytes) {
  // libelf keeps the bytes as they stand in the file and as they are for use apart.
  Elf_Data* const raw = elf_rawdata(section, nullptr);
  Elf_Data* const used = elf_getdata(section, nullptr);
  if (raw == nullptr || used == nullptr) return false;
  for (Elf_Data* const data : {raw, used}) {
    data->d_buf = const_cast<std::byte*>(bytes.data());
    data->d_size = bytes.size();
    data->d_type = ELF_T_BYTE;
  }
  return true;
}

SectionedElf::SectionedElf(std::vector<Section> sections, uint16_t machine) {
  std::erase_if(sections, [](const Section& s) { return s.bytes.empty(); });
  std::string names(1, '\0');
  const size_t count = sections.size() + 2;  // the null section, and that of the names
  std::vector<Elf64_Shdr> headers(count);
  const auto add_name = [&](Elf64_Shdr& header, std::string_view name) {
    header.sh_name = static_cast<Elf64_Word>(names.size());
    names.append(name);
    names.push_back('\0');
  };
  for (size_t i = 0; i < sections.size(); ++i) {
    Elf64_Shdr& header = headers[i + 1];
    add_name(header, sections[i].name);
    header.sh_type = SHT_PROGBITS;
    header.sh_addralign = 1;
    header.sh_offset = sizeof(Elf64_Ehdr);  // of no byte: they are put in below
  }
  Elf64_Shdr& last = headers.back();
  add_name(last, ".shstrtab");
  last.sh_type = SHT_STRTAB;
  last.sh_addralign = 1;
  last.sh_offset = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Shdr);
  last.sh_size = names.size();

  Elf64_Ehdr file{};
  std::copy_n(ELFMAG, SELFMAG, file.e_ident);
  file.e_ident[EI_CLASS] = ELFCLASS64;
  file.e_ident[EI_DATA] = ELFDATA2LSB;
  file.e_ident[EI_VERSION] = EV_CURRENT;
  file.e_type = ET_DYN;
  file.e_machine = machine;
  file.e_version = EV_CURRENT;
  file.e_ehsize = sizeof file;
  file.e_shoff = sizeof file;
  file.e_shentsize = sizeof(Elf64_Shdr);
  file.e_shnum = static_cast<Elf64_Half>(count);
  file.e_shstrndx = static_cast<Elf64_Half>(count - 1);

  const auto append = [&](Bytes bytes) {
    headers_.insert(headers_.end(), bytes.begin(), bytes.end());
  };
  append(bytes_of(file));
  append(std::as_bytes(std::span(headers)));
  append(std::as_bytes(std::span(names)));

  elf_version(EV_CURRENT);
  elf_ = elf_memory(reinterpret_cast<char*>(headers_.data()), headers_.size());
  for (size_t i = 0; elf_ != nullptr && i < sections.size(); ++i) {
    replace_section_bytes(elf_getscn(elf_, i + 1), sections[i].bytes);
  }
}

SectionedElf::~SectionedElf() {
  if (elf_ != nullptr) elf_end(elf_);
}

}  // namespace clew::sym
