#include "stack/code_view.h"

#include <algorithm>

namespace clew::stack {

bool CodeView::is_code(uint64_t address) const {
  if (modules_.find(Addr{address}) != nullptr) return true;
  const auto after =
      std::upper_bound(code_.begin(), code_.end(), Addr{address},
                       [](Addr a, const os::Mapping& mapping) { return a < mapping.start; });
  return after != code_.begin() && std::prev(after)->contains({address});
}

Bytes CodeView::bytes(uint64_t address, size_t size, MemoryReader& memory,
                      std::vector<std::byte>& storage) const {
  if (const sym::LoadedModule* const loaded = modules_.find(Addr{address})) {
    const Bytes found = loaded->module->image().loaded_from(loaded->to_file({address}));
    return found.first(std::min(found.size(), size));
  }
  storage.resize(size);
  const auto read = memory.read_memory({address}, storage);
  return Bytes(storage).first(read ? *read : 0);
}

std::optional<uint64_t> CodeView::entry_of(uint64_t address) const {
  const sym::LoadedModule* const loaded = modules_.find(Addr{address});
  if (loaded == nullptr) return std::nullopt;
  const sym::Symbol* const symbol = loaded->module->symbols().find_code(loaded->to_file({address}));
  if (symbol == nullptr) return std::nullopt;
  return loaded->to_runtime(symbol->address).value;
}

}  // namespace clew::stack
