#include "session/code_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace clew {

CodeMap::CodeMap(std::vector<os::Mapping> mappings) : mappings_(std::move(mappings)) {
  std::sort(mappings_.begin(), mappings_.end(),
            [](const os::Mapping& a, const os::Mapping& b) { return a.start < b.start; });
}

std::optional<CodeMap::Place> CodeMap::find(Addr address) const {
  auto after = std::upper_bound(mappings_.begin(), mappings_.end(), address,
                                [](Addr a, const os::Mapping& m) { return a < m.start; });
  if (after == mappings_.begin()) return std::nullopt;
  const os::Mapping& mapping = *std::prev(after);
  if (!mapping.contains(address)) return std::nullopt;
  Place place;
  place.path = mapping.path;
  place.offset = address - mapping.start + mapping.file_offset;
  const size_t slash = mapping.path.rfind('/');
  place.module = slash == std::string::npos ? mapping.path : mapping.path.substr(slash + 1);
  if (place.module.empty()) place.module = "[anonymous]";
  return place;
}

std::string CodeMap::describe(Addr address) const {
  const auto place = find(address);
  if (!place) return {};
  return fmt::format("{}+{:#x}", printable(place->module), place->offset);
}

}  // namespace clew
