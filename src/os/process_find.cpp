#include "os/process_find.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>

#include "base/printable.h"
#include "os/command_line.h"
#include "os/proc_dir.h"

namespace clew::os {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
  if (!directory) return pids;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::string_view base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

/// Goes through the processes for one name; keeps its buffers between them.
class Finder {
 public:
  explicit Finder(std::string_view name) : name_(name) {}

  std::optional<ProcessMatch> look_at(pid_t pid) {
    auto proc = ProcDir::open(pid);
    if (!proc) return std::nullopt;
    const auto stat = read_stat(*proc, "stat");
    if (!stat || stat->is_kernel_thread()) return std::nullopt;
    std::string source;  // the thread whose files are read
    if (is_dead(*stat)) {
      // The leader of a process may exit and leave the process to its other threads; then the
      // leader's files have no content any more.
      const auto thread = living_thread(*proc);
      if (!thread) return std::nullopt;
      source = *thread;
    }
    if (!is_match(*proc, source, stat->name)) return std::nullopt;
    return describe(*proc, source, *stat);
  }

 private:
  static bool is_dead(const TaskStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

  std::optional<TaskStat> read_stat(const ProcDir& proc, const std::string& path) {
    buffer_.resize(4096);
    const auto line = proc.read_into(path.c_str(), buffer_);
    if (!line) return std::nullopt;
    auto stat = parse_task_stat(*line);
    if (!stat) return std::nullopt;
    return std::move(*stat);
  }

  std::optional<std::string> living_thread(const ProcDir& proc) {
    const auto tids = proc.tids();
    if (!tids) return std::nullopt;
    for (const pid_t tid : *tids) {
      const std::string source = fmt::format("task/{}/", tid);
      const auto stat = read_stat(proc, source + "stat");
      if (stat && !is_dead(*stat)) return source;
    }
    return std::nullopt;
  }

  bool is_match(const ProcDir& proc, const std::string& source, std::string_view comm) {
    if (comm == name_) return true;
    if (auto path = proc.read_link(source + "exe")) {
      static constexpr std::string_view deleted = " (deleted)";
      std::string_view file = *path;
      if (base_name(file) == name_) return true;
      if (file.ends_with(deleted)) file.remove_suffix(deleted.size());
      if (base_name(file) == name_) return true;
    }
    // Last, because the kernel takes a lock of the target's memory for it.
    buffer_.resize(4096);
    const auto arguments = proc.read_into((source + "cmdline").c_str(), buffer_);
    if (!arguments) return false;
    return base_name(arguments->substr(0, arguments->find('\0'))) == name_;
  }

  static ProcessMatch describe(const ProcDir& proc, const std::string& source,
                               const TaskStat& stat) {
    ProcessMatch match;
    match.pid = proc.pid();
    match.name = printable(stat.name);
    if (const auto arguments = proc.read(source + "cmdline")) {
      match.command_line = shell_quoted(split_command_line(*arguments));
    }
    // The folder belongs to the effective user, whatever PR_SET_DUMPABLE says (proc(5)).
    struct stat info {};
    if (::fstat(proc.fd(), &info) == 0) match.uid = info.st_uid;
    match.threads = proc.thread_count().value_or(0);
    match.state = stat.state;
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const double started =
        static_cast<double>(stat.start_time) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    const double uptime = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    match.age_seconds = std::max(0.0, uptime - started);
    return match;
  }

  std::string_view name_;
  std::string buffer_;
};

}  // namespace

Result<pid_t> parse_pid(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is not a process id: {}", printable(text), why));
  };
  const bool is_negative = text.starts_with('-');
  const std::string_view digits = text.substr(is_negative ? 1 : 0);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return wrong("it is not a decimal number");
  }
  if (is_negative) return wrong("it is negative");
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || number > static_cast<uint64_t>(pid_limit)) {
    return wrong(fmt::format("the largest is {}", pid_limit));
  }
  if (number == 0) return wrong("the smallest is 1");
  return static_cast<pid_t>(number);
}

std::vector<ProcessMatch> find_processes(std::string_view name) {
  std::vector<ProcessMatch> matches;
  if (name.empty()) return matches;
  Finder finder(name);
  for (const pid_t pid : all_pids()) {
    if (pid == ::getpid()) continue;
    if (auto match = finder.look_at(pid)) matches.push_back(std::move(*match));
  }
  return matches;
}

}  // namespace clew::os
