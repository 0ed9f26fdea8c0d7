#include "base/memory_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clew {

Status MemoryReader::read_exactly(Addr address, MutableBytes into) {
  if (into.empty()) return {};
  const auto n = read_memory(address, into);
  if (!n) return tl::unexpected(n.error());
  if (*n != into.size()) {
    return fail(ErrorCode::fault,
                fmt::format("there is no readable memory at {:#x}", address.value + *n));
  }
  return {};
}

Result<std::string> MemoryReader::read_string(Addr address, size_t limit) {
  std::string text;
  std::array<std::byte, 256> chunk{};
  while (text.size() < limit) {
    const MutableBytes part =
        MutableBytes(chunk).first(std::min(chunk.size(), limit - text.size()));
    const auto n = read_memory(address + text.size(), part);
    if (!n) {
      if (text.empty()) return tl::unexpected(n.error());
      break;
    }
    const auto* const begin = reinterpret_cast<const char*>(chunk.data());
    const auto* const end = std::find(begin, begin + *n, '\0');
    text.append(begin, end);
    if (end != begin + *n) break;
  }
  return text;
}

}  // namespace clew
