#include "os/process_copy.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>

namespace clew::os {
namespace {

constexpr size_t page_size = 4096;
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

}  // namespace clew::os
