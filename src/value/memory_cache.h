#pragma once

#include <array>
#include <memory>
#include <unordered_map>

#include "base/memory_reader.h"

namespace clew::value {

/// Memory that is read a page at a time and remembered, for those who follow pointers through it.
/// What it remembers is right for as long as the target is held and nobody writes: see forget().
class MemoryCache final : public MemoryReader {
 public:
  /// `memory` must outlive it.
  explicit MemoryCache(MemoryReader& memory) : memory_(memory) {}

  Result<size_t> read_memory(Addr address, MutableBytes into) override;
  /// The target has run, or was written to.
  void forget() { pages_.clear(); }

 private:
  static constexpr uint64_t page_size = 4096;
  /// 32 MiB; then it begins anew.
  static constexpr size_t most_pages = 8192;
  struct Page {
    size_t valid = 0;  ///< so many bytes from its start could be read
    std::array<std::byte, page_size> bytes;
  };

  const Page* page_at(uint64_t start);

  MemoryReader& memory_;
  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace clew::value
