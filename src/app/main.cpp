// The wiring: the only place that names a concrete backend.

#include <fcntl.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "live/live_process.h"

namespace {

/// A descriptor that was closed for clew must not become one of its own: what is meant for standard
/// output would go there.
void fill_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int run(int argc, char** argv) {
  fill_standard_descriptors();
  // For libedit, which reads what is typed as wide characters.
  std::setlocale(LC_CTYPE, "");
  auto loop = clew::os::EventLoop::create();
  if (!loop) {
    std::fprintf(stderr, "clew: %s\n", loop.error().text.c_str());
    return 1;
  }
  clew::cli::Console console(*loop);
  clew::live::LiveBackend backend(*loop);
  return clew::cli::run_command_line({console, backend, *loop}, argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    // Only what the standard library throws when memory is short gets here. The kernel lets the
    // target go.
    std::fprintf(stderr, "clew: internal error: %s; the target runs on\n", error.what());
    return 1;
  }
}
