#include "base/populate.h"

#include <sys/mman.h>

#include <cstdint>

#include "base/addr.h"

namespace clew {

void populate(MutableBytes fresh) {
  const auto start = reinterpret_cast<uintptr_t>(fresh.data());
  const uintptr_t from = (start + page_size - 1) / page_size * page_size;
  const uintptr_t end = (start + fresh.size()) / page_size * page_size;
  if (from >= end) return;
  std::byte* const first = fresh.data() + (from - start);
  if (::madvise(first, end - from, MADV_POPULATE_WRITE) == 0) return;
  for (uintptr_t at = 0; at < end - from; at += page_size) {
    volatile std::byte& byte = first[at];
    byte = byte;
  }
}

}  // namespace clew
