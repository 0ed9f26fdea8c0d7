#include "os/program_file.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/printable.h"
#include "base/unique_fd.h"

namespace clew::os {
namespace {

std::string quoted(std::string_view path) { return fmt::format("\"{}\"", printable(path)); }

/// @return 0 when `path` is a file that may be executed, else an errno value; EISDIR for a folder.
int why_not_executable(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Result<std::string> check_path(std::string path) {
  switch (const int error = why_not_executable(path)) {
    case 0:
      return path;
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorCode::not_found, error, fmt::format("there is no file {}", quoted(path)));
    case EISDIR:
      return fail(ErrorCode::bad_request, error,
                  fmt::format("{} is a folder, not a program", quoted(path)));
    case EACCES:
      return fail(ErrorCode::permission, error,
                  fmt::format("{} may not be executed: it is no program, or `chmod +x` is missing",
                              quoted(path)));
    default:
      return fail_os(error, fmt::format("{} cannot be executed", quoted(path)));
  }
}

/// The first bytes of a file; empty when it cannot be read.
std::string head_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string head(256, '\0');
  const ssize_t n = fd ? ::read(fd.value(), head.data(), head.size()) : 0;
  head.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return head;
}

/// What a script names behind its "#!"; empty for other files.
std::string interpreter_of(std::string_view head) {
  if (!head.starts_with("#!")) return "";
  head = head.substr(2, head.find('\n') == head.npos ? head.npos : head.find('\n') - 2);
  const size_t start = head.find_first_not_of(" \t");
  if (start == head.npos) return "";
  head.remove_prefix(start);
  return std::string(head.substr(0, head.find_first_of(" \t\r")));
}

}  // namespace

Result<std::string> find_program(std::string_view name, std::string_view search_path) {
  if (name.empty()) return fail(ErrorCode::bad_request, "which program? Its name is empty");
  if (name.find('\0') != name.npos)
    return fail(ErrorCode::bad_request, "the program's name has a zero byte in it");
  if (name.find('/') != name.npos) return check_path(std::string(name));
  std::string refused;
  for (;;) {
    const size_t end = search_path.find(':');
    const std::string_view folder = search_path.substr(0, end);
    // An empty entry is the current folder (execvp(3)); a name without '/' would be no path.
    const std::string path =
        fmt::format("{}/{}", folder.empty() ? std::string_view(".") : folder, name);
    const int error = why_not_executable(path);
    if (error == 0) return path;
    if (error == EACCES && refused.empty()) refused = path;
    if (end == search_path.npos) break;
    search_path.remove_prefix(end + 1);
  }
  if (!refused.empty()) return check_path(refused);
  const bool is_here = why_not_executable(std::string(name)) == 0;
  return fail(ErrorCode::not_found, ENOENT,
              fmt::format("there is no program {} in the folders of PATH{}", quoted(name),
                          is_here ? fmt::format("; the one here is ./{}", printable(name)) : ""));
}

Error explain_exec_failure(const std::string& path, int sys_errno) {
  const std::string name = quoted(path);
  const std::string head = head_of(path);
  const std::string interpreter = interpreter_of(head);
  const bool is_elf = head.starts_with(ELFMAG);
  switch (sys_errno) {
    case ENOENT:
      if (!interpreter.empty()) {
        return {
            ErrorCode::not_found, sys_errno,
            fmt::format("{} is a script for {}, which is not there", name, quoted(interpreter))};
      }
      if (is_elf) {
        return {ErrorCode::not_found, sys_errno,
                fmt::format("{} needs a dynamic loader that is not there (`readelf -l` names it)",
                            name)};
      }
      break;
    case EACCES:
      if (!interpreter.empty() && why_not_executable(interpreter) != 0) {
        return {ErrorCode::permission, sys_errno,
                fmt::format("{} is a script for {}, which may not be executed", name,
                            quoted(interpreter))};
      }
      return {ErrorCode::permission, sys_errno,
              fmt::format("{} may not be executed: a folder on the way or its file system (noexec) "
                          "forbids it",
                          name)};
    case ENOEXEC:
      if (head.starts_with("#!")) {
        return {ErrorCode::bad_request, sys_errno,
                fmt::format("{} is a script that names no interpreter behind its #!", name)};
      }
      return {ErrorCode::bad_request, sys_errno,
              is_elf ? fmt::format("{} is an ELF file, but no program for this machine", name)
                     : fmt::format("{} is no program: neither an ELF file nor a script that begins "
                                   "with #!",
                                   name)};
    case ETXTBSY:
      return {ErrorCode::unavailable, sys_errno,
              fmt::format("{} is open for writing: wait until it is complete", name)};
    default:
      break;
  }
  return os_error(sys_errno, fmt::format("cannot execute {}", name));
}

}  // namespace clew::os
