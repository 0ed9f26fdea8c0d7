#include "sym/root_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/printable.h"

namespace clew::sym {
namespace {

/// O_NONBLOCK: a fifo or device in the place of a file must not keep us waiting for its other end.
constexpr int file_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

int open_inside(int root, const char* path) {
  // openat2(2): RESOLVE_IN_ROOT takes absolute links as relative to the root.
  open_how how{};
  how.flags = file_flags;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
  if (fd >= 0 || errno != ENOSYS) return static_cast<int>(fd);
  return ::openat(root, path + (*path == '/' ? 1 : 0), file_flags);
}

}  // namespace

RootDir RootDir::own() { return RootDir(UniqueFd()); }

Result<RootDir> RootDir::of_process(const os::ProcDir& proc) {
  auto fd = proc.open_file("root", O_PATH | O_DIRECTORY);
  if (!fd) return tl::unexpected(fd.error());
  return RootDir(std::move(*fd));
}

Result<RootDir> RootDir::at(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_os(errno, fmt::format("cannot open {}", printable(path)));
  return RootDir(std::move(fd));
}

Result<UniqueFd> RootDir::open_file(const std::string& path) const {
  UniqueFd fd(fd_ ? open_inside(fd_.value(), path.c_str()) : ::open(path.c_str(), file_flags));
  struct stat status {};
  if (!fd || ::fstat(fd.value(), &status) != 0)
    return fail_os(errno, fmt::format("cannot open {}", printable(path)));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::bad_data, fmt::format("{} is no file", printable(path)));
  return fd;
}

bool RootDir::is_same(const RootDir& other) const {
  const auto identity = [](const RootDir& root, struct stat& status) {
    return root.fd_ ? ::fstat(root.fd_.value(), &status) == 0 : ::stat("/", &status) == 0;
  };
  struct stat a {
  }, b{};
  return identity(*this, a) && identity(other, b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace clew::sym
