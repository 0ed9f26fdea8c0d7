#include "sym/dwarf_data.h"

#include <gelf.h>
#include <libelf.h>

#include <functional>

namespace clew::sym {
namespace {

/// Only what libdw has looked at already is asked for: its own name decides, so that nothing is
/// decompressed or converted here.
bool is_debug_section(std::string_view name) {
  return name.starts_with(".debug_") || name.starts_with(".zdebug_");
}

bool is_named(std::string_view found, std::string_view wanted) {
  if (found.starts_with(".z")) return found.substr(2) == wanted.substr(1);
  return found.starts_with(wanted) &&
         (found.size() == wanted.size() || found.substr(wanted.size()) == ".dwo");
}

/// @return the first section's bytes that `wanted(name, bytes)` takes.
template <typename Wanted>
Bytes find_section(Dwarf* dwarf, Wanted&& wanted) {
  Elf* const elf = dwarf_getelf(dwarf);
  size_t names = 0;
  if (elf == nullptr || elf_getshdrstrndx(elf, &names) != 0) return {};
  for (Elf_Scn* scn = elf_nextscn(elf, nullptr); scn != nullptr; scn = elf_nextscn(elf, scn)) {
    GElf_Shdr header;
    if (gelf_getshdr(scn, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* const name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || !is_debug_section(name)) continue;
    const Elf_Data* const data = elf_getdata(scn, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    const Bytes bytes(static_cast<const std::byte*>(data->d_buf), data->d_size);
    if (wanted(std::string_view(name), bytes)) return bytes;
  }
  return {};
}

}  // namespace

Bytes dwarf_section(Dwarf* dwarf, std::string_view name) {
  return find_section(dwarf, [&](std::string_view found, Bytes) { return is_named(found, name); });
}

Bytes dwarf_section_from(Dwarf* dwarf, const std::byte* address) {
  const std::less<> before;
  const Bytes section = find_section(dwarf, [&](std::string_view, Bytes bytes) {
    return !before(address, bytes.data()) && before(address, bytes.data() + bytes.size());
  });
  if (section.empty()) return {};
  return section.subspan(static_cast<size_t>(address - section.data()));
}

}  // namespace clew::sym
