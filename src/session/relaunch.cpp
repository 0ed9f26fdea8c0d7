#include "session/relaunch.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/printable.h"
#include "os/command_line.h"
#include "os/task_facts.h"

namespace clew {
namespace {

/// What the kernel puts behind the name of a file that is no more (d_path() in fs/d_path.c).
constexpr std::string_view deleted = " (deleted)";

Result<std::string> existing(const os::ProcDir& proc, std::string_view link,
                             std::string_view what) {
  auto path = proc.read_link(link);
  if (!path) {
    return fail(
        path.error().code, path.error().sys_errno,
        fmt::format("{} of process {} cannot be read: {}", what, proc.pid(), path.error().text));
  }
  if (path->ends_with(deleted)) {
    path->resize(path->size() - deleted.size());
    return fail(ErrorCode::unsupported,
                fmt::format("{} of process {}, \"{}\", was deleted or replaced since it started",
                            what, proc.pid(), printable(*path)));
  }
  return path;
}

Status check_view(const os::ProcDir& proc) {
  const auto own = os::ProcDir::open(getpid());
  if (!own) return tl::unexpected(own.error());
  const bool same_mounts =
      proc.read_link("ns/mnt").value_or("?") == own->read_link("ns/mnt").value_or("");
  const bool same_root =
      proc.read_link("root").value_or("?") == own->read_link("root").value_or("");
  if (same_mounts && same_root) return {};
  return fail(ErrorCode::unsupported,
              fmt::format("process {} sees other files than clew (a container or chroot): start it "
                          "there, and attach",
                          proc.pid()));
}

Status check_user(const os::ProcDir& proc) {
  const os::TaskStatus status = os::parse_task_status(proc.read("status").value_or(""));
  if (status.uids[1] == geteuid()) return {};
  return fail(
      ErrorCode::unsupported,
      fmt::format("process {} runs as user {} and clew as user {}: it would start with other "
                  "rights",
                  proc.pid(), status.uids[1], geteuid()));
}

}  // namespace

Result<LaunchOptions> launch_options_of(const os::ProcDir& proc) {
  if (auto same = check_view(proc); !same) return tl::unexpected(same.error());
  if (auto same = check_user(proc); !same) return tl::unexpected(same.error());
  auto program = existing(proc, "exe", "the program");
  if (!program) return tl::unexpected(program.error());
  auto folder = existing(proc, "cwd", "the folder");
  if (!folder) return tl::unexpected(folder.error());
  const auto environment = proc.read("environ");
  if (!environment) return tl::unexpected(environment.error());
  LaunchOptions options;
  options.arguments = os::command_line(proc);
  if (options.arguments.empty()) options.arguments = {*program};
  options.program = std::move(*program);
  options.directory = std::move(*folder);
  options.environment.emplace();
  for (std::string& entry : os::split_command_line(*environment)) {
    if (entry.find('=') != entry.npos) options.environment->push_back(std::move(entry));
  }
  return options;
}

}  // namespace clew
