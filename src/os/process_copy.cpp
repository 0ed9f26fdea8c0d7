#include "os/process_copy.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>

namespace clew::os {
namespace {

/// IOV_MAX of the kernel.
constexpr size_t most_parts = 1024;

}  // namespace

size_t copy_from_process(pid_t pid, Addr address, MutableBytes into) {
  size_t done = 0;
  while (done < into.size()) {
    // The manual page has it that an element is copied whole or not at all, so each is a page.
    std::array<iovec, most_parts> parts;
    size_t count = 0;
    size_t size = 0;
    while (count < parts.size() && done + size < into.size()) {
      const uint64_t at = address.value + done + size;
      const size_t length = std::min<size_t>(page_size - at % page_size, into.size() - done - size);
      parts[count++] = {reinterpret_cast<void*>(at), length};  // NOLINT(performance-no-int-to-ptr)
      size += length;
    }
    iovec local{into.data() + done, size};
    const ssize_t n = ::process_vm_readv(pid, &local, 1, parts.data(), count, 0);
    if (n > 0) done += static_cast<size_t>(n);
    if (n < 0 || static_cast<size_t>(n) < size) break;
  }
  return done;
}

size_t copy_parts_from_process(pid_t pid, std::span<MemoryPart> parts) {
  std::array<iovec, most_parts> from;
  std::array<iovec, most_parts> into;
  size_t copied = 0;
  for (size_t done = 0; done < parts.size();) {
    const size_t count = std::min(parts.size() - done, most_parts);
    for (size_t i = 0; i < count; ++i) {
      const MemoryPart& part = parts[done + i];
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      from[i] = {reinterpret_cast<void*>(part.from.value), part.into.size()};
      into[i] = {part.into.data(), part.into.size()};
    }
    const ssize_t n = ::process_vm_readv(pid, into.data(), count, from.data(), count, 0);
    // It ends at the first piece that it cannot read all of.
    auto left = static_cast<size_t>(std::max<ssize_t>(n, 0));
    size_t i = 0;
    while (i < count && left >= parts[done + i].into.size()) {
      left -= parts[done + i].into.size();
      parts[done + i++].is_copied = true;
    }
    copied += i;
    done += i < count ? i + 1 : i;
  }
  return copied;
}

}  // namespace clew::os
