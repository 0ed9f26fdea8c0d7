#include "value/memory_cache.h"

#include <algorithm>
#include <cstring>

namespace clew::value {

const MemoryCache::Page* MemoryCache::page_at(uint64_t start) {
  const auto known = pages_.find(start);
  if (known != pages_.end()) return known->second.get();
  auto page = std::make_unique<Page>();
  const auto read = memory_.read_memory(Addr{start}, page->bytes);
  if (!read) return nullptr;
  page->valid = std::min<size_t>(*read, page_size);
  if (pages_.size() >= most_pages) pages_.clear();
  return (pages_[start] = std::move(page)).get();
}

Result<size_t> MemoryCache::read_memory(Addr address, MutableBytes into) {
  // Whoever reads much at once reads it once.
  constexpr size_t large = 4 * page_size;
  if (into.size() > large) return memory_.read_memory(address, into);
  size_t done = 0;
  while (done < into.size()) {
    const uint64_t at = address.value + done;
    const uint64_t start = at & ~(page_size - 1);
    const Page* const page = page_at(start);
    if (page == nullptr || at - start >= page->valid) break;
    const size_t count =
        std::min<size_t>(into.size() - done, page->valid - static_cast<size_t>(at - start));
    std::memcpy(into.data() + done, page->bytes.data() + (at - start), count);
    done += count;
    if (at + count < at) break;  // the end of the address space
  }
  // What lies before `address` in its page may be what cannot be read: ask for the rest alone.
  if (done < into.size()) {
    const auto rest = memory_.read_memory(address + done, into.subspan(done));
    if (!rest) return done > 0 ? Result<size_t>(done) : rest;
    done += *rest;
  }
  return done;
}

}  // namespace clew::value
