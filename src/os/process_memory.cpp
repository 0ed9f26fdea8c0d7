#include "os/process_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

namespace clew::os {

Result<size_t> ProcessMemory::read_memory(Addr address, MutableBytes into) {
  if (!fd_) {
    auto fd = proc_.open_file("mem", O_RDONLY);
    if (!fd) return tl::unexpected(fd.error());
    fd_ = std::move(*fd);
  }
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::pread64(fd_.value(), into.data() + done, into.size() - done,
                                static_cast<off64_t>(address.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  if (done == 0 && !into.empty()) {
    return fail(ErrorCode::fault, EFAULT,
                fmt::format("there is no readable memory at {:#x}", address.value));
  }
  return done;
}

}  // namespace clew::os
