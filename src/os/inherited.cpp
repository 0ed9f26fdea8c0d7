#include "os/inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string_view>

namespace clew::os {
namespace {

std::vector<int> kept_descriptors() {
  std::vector<int> kept;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return kept;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), fd);
    if (error != std::errc() || end != name.data() + name.size() || fd <= STDERR_FILENO) continue;
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) kept.push_back(fd);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace

Inherited Inherited::capture() {
  Inherited inherited;
  pthread_sigmask(SIG_BLOCK, nullptr, &inherited.mask);
  sigemptyset(&inherited.ignored);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      sigaddset(&inherited.ignored, signal);
  }
  inherited.descriptors = kept_descriptors();
  return inherited;
}

}  // namespace clew::os
