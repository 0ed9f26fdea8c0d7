#include "sym/module_map.h"

#include <algorithm>

namespace clew::sym {

std::optional<uint64_t> load_bias(const ElfImage& image, uint64_t file_offset, Addr start) {
  // elf(5), PT_LOAD: offset and address of a segment are the same modulo the page size, and the
  // kernel maps whole pages.
  constexpr uint64_t page_mask = ~uint64_t{4095};
  std::optional<uint64_t> fallback;
  for (const ElfImage::Segment& segment : image.segments()) {
    if (segment.type != PT_LOAD) continue;
    const uint64_t first = segment.offset & page_mask;
    if (file_offset < first || file_offset >= segment.offset + segment.file_size) continue;
    const uint64_t bias = start.value - (segment.address & page_mask) - (file_offset - first);
    // Two segments can share a page of the file: the executable one is what code is mapped by.
    if ((segment.flags & PF_X) != 0) return bias;
    if (!fallback) fallback = bias;
  }
  return fallback;
}

ModuleMap::ModuleMap(std::span<const os::Mapping> code, ModuleLoader& loader) {
  for (const os::Mapping& mapping : code) {
    auto module = loader.load(mapping);
    if (module == nullptr) continue;
    const auto bias = load_bias(module->image(), mapping.file_offset, mapping.start);
    if (!bias) continue;
    if (!modules_.empty() && modules_.back().module == module && modules_.back().bias == *bias) {
      modules_.back().end = mapping.end;
    } else {
      modules_.push_back({std::move(module), *bias, mapping.start, mapping.end});
    }
  }
}

ModuleMap::ModuleMap(std::vector<LoadedModule> modules) : modules_(std::move(modules)) {
  std::sort(modules_.begin(), modules_.end(),
            [](const LoadedModule& a, const LoadedModule& b) { return a.start < b.start; });
}

const LoadedModule* ModuleMap::find(Addr address) const {
  auto after = std::upper_bound(modules_.begin(), modules_.end(), address,
                                [](Addr a, const LoadedModule& m) { return a < m.start; });
  if (after == modules_.begin()) return nullptr;
  const LoadedModule& module = *--after;
  return address < module.end ? &module : nullptr;
}

Addr ModuleMap::variable_at(const LoadedModule& loaded, uint64_t address) const {
  std::call_once(shared_->once, [&] { shared_->variables.emplace(modules_); });
  const auto used = shared_->variables->find(*loaded.module, address);
  return used ? *used : loaded.to_runtime(address);
}

const LoadedModule* ModuleMap::find(std::string_view name) const {
  for (const LoadedModule& module : modules_) {
    if (module.module->path() == name || module.module->name() == name) return &module;
  }
  return nullptr;
}

}  // namespace clew::sym
