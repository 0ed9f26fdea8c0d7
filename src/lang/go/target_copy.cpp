#include "lang/go/target_copy.h"

namespace clew::go {

TargetCopy::TargetCopy(pid_t pid, MemoryReader& fallback, Addr known)
    : pid_(pid), fallback_(fallback) {
  uint64_t word = 0;
  is_direct_ = os::copy_from_process(pid_, known, bytes_of(word)) == sizeof word;
}

size_t TargetCopy::copy(Addr from, MutableBytes into) const {
  if (is_direct_) return os::copy_from_process(pid_, from, into);
  const std::lock_guard guard(mutex_);
  return fallback_.read_memory(from, into).value_or(0);
}

void TargetCopy::copy(std::span<os::MemoryPart> parts) const {
  if (is_direct_) {
    os::copy_parts_from_process(pid_, parts);
    return;
  }
  for (os::MemoryPart& part : parts)
    part.is_copied = copy(part.from, part.into) == part.into.size();
}

}  // namespace clew::go
