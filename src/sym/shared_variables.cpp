#include "sym/shared_variables.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "sym/module_map.h"

namespace clew::sym {
namespace {

/// What the dynamic section of a file says; the numbers in it are those before it was loaded.
struct DynamicFacts {
  bool is_program = false;  ///< only programs have a place for the address of the list of libraries
  bool keeps_own = false;   ///< its references to itself are bound before
};

DynamicFacts dynamic_facts(const ElfImage& image) {
  DynamicFacts facts;
  facts.is_program = image.type() == ET_EXEC;
  for (const ElfImage::Segment& segment : image.segments()) {
    if (segment.type != PT_DYNAMIC) continue;
    Bytes bytes = image.loaded_from(segment.address);
    bytes = bytes.first(std::min<uint64_t>(bytes.size(), segment.file_size));
    for (; bytes.size() >= sizeof(Elf64_Dyn); bytes = bytes.subspan(sizeof(Elf64_Dyn))) {
      Elf64_Dyn entry;
      std::memcpy(&entry, bytes.data(), sizeof entry);
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_DEBUG) facts.is_program = true;
      if (entry.d_tag == DT_SYMBOLIC ||
          (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_SYMBOLIC) != 0))
        facts.keeps_own = true;
    }
  }
  return facts;
}

/// The variables that a file offers to others: `visit` gets the name and the symbol.
template <typename Visit>
void for_each_offered_variable(const ElfImage& image, Visit&& visit) {
  const ElfImage::Section* const table = image.find_section(".dynsym");
  if (table == nullptr) return;
  const auto strings =
      std::find_if(image.sections().begin(), image.sections().end(),
                   [&](const ElfImage::Section& section) { return section.index == table->link; });
  if (strings == image.sections().end()) return;
  const Bytes names = image.raw(*strings);
  for (Bytes rest = image.raw(*table); rest.size() >= sizeof(Elf64_Sym);
       rest = rest.subspan(sizeof(Elf64_Sym))) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, rest.data(), sizeof symbol);
    const auto binding = ELF64_ST_BIND(symbol.st_info);
    const bool is_offered =
        binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE;
    if (!is_offered || symbol.st_shndx == SHN_UNDEF || symbol.st_size == 0 ||
        ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_name >= names.size())
      continue;
    const auto* const text = reinterpret_cast<const char*>(names.data()) + symbol.st_name;
    const size_t most = names.size() - symbol.st_name;
    visit(std::string_view(text, strnlen(text, most)), symbol);
  }
}

}  // namespace

SharedVariables::SharedVariables(const std::vector<LoadedModule>& modules) {
  const auto program = std::find_if(modules.begin(), modules.end(), [](const LoadedModule& loaded) {
    return dynamic_facts(loaded.module->image()).is_program;
  });
  if (program == modules.end()) return;
  std::unordered_map<std::string_view, Addr> of_program;
  for_each_offered_variable(program->module->image(),
                            [&](std::string_view name, const Elf64_Sym& symbol) {
                              of_program.emplace(name, program->to_runtime(symbol.st_value));
                            });
  if (of_program.empty()) return;
  for (const LoadedModule& loaded : modules) {
    if (loaded.module == program->module || dynamic_facts(loaded.module->image()).keeps_own)
      continue;
    for_each_offered_variable(
        loaded.module->image(), [&](std::string_view name, const Elf64_Sym& symbol) {
          const auto found = of_program.find(name);
          // A protected one is the library's own for all of its code.
          if (found == of_program.end() || ELF64_ST_VISIBILITY(symbol.st_other) != STV_DEFAULT)
            return;
          libraries_[loaded.module.get()][symbol.st_value] = {symbol.st_size, found->second};
        });
  }
}

std::optional<Addr> SharedVariables::find(const Module& module, uint64_t address) const {
  const auto library = libraries_.find(&module);
  if (library == libraries_.end()) return std::nullopt;
  const auto after = library->second.upper_bound(address);
  if (after == library->second.begin()) return std::nullopt;
  const auto& [start, variable] = *std::prev(after);
  if (address - start >= variable.size) return std::nullopt;
  return variable.used + (address - start);
}

}  // namespace clew::sym
