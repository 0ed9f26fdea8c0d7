#include "os/attach_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"
#include "os/proc_dir.h"

namespace clew::os {
namespace {

constexpr size_t most_threads_asked = 256;

bool is_dead(StateLetter state) { return state == 'Z' || state == 'X'; }

bool is_running_pid(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

std::string first_line(const Result<std::string>& content) {
  if (!content) return {};
  std::string_view line = *content;
  line = line.substr(0, line.find_first_of(std::string_view("\n\0", 2)));
  return std::string(line);
}

std::optional<TaskStat> read_stat(const ProcDir& proc, const std::string& path) {
  const auto line = proc.read(path);
  if (!line) return std::nullopt;
  auto stat = parse_task_stat(*line);
  if (!stat) return std::nullopt;
  return std::move(*stat);
}

std::optional<TaskStatus> read_status(const ProcDir& proc, const std::string& path) {
  const auto text = proc.read(path);
  if (!text) return std::nullopt;
  return parse_task_status(*text);
}

IdTriple first_three(const uint32_t (&ids)[4]) { return {ids[0], ids[1], ids[2]}; }

// ---- ourselves and the system ----

/// @return the errno with which ptrace(2) itself is refused to us, 0 if it is not.
int probe_ptrace() {
  // Peeking at ourselves touches nothing and fails with ESRCH, as we are no tracee of ours. Any
  // other answer comes from a seccomp filter or a kernel without ptrace, and would meet every call
  // of the engine. The engine's own port is not used here, to need neither a tracee nor a log
  // entry; a filter that kills for ptrace(2) would kill at the first attach as well.
  const long result = ::syscall(SYS_ptrace, PTRACE_PEEKUSER, ::getpid(), 0, 0);
  return result == -1 && errno != ESRCH ? errno : 0;
}

bool is_proc_ours() {
  char target[16];
  const ssize_t length = ::readlink("/proc/self", target, sizeof target);
  return length > 0 &&
         std::string_view(target, static_cast<size_t>(length)) == std::to_string(::getpid());
}

int read_yama_scope() {
  const auto content = read_small_file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = -1;
  if (content) std::from_chars(content->data(), content->data() + content->size(), scope);
  return scope;
}

std::vector<std::string> read_security_modules() {
  std::vector<std::string> names;
  const std::string line = first_line(read_small_file("/sys/kernel/security/lsm"));
  for (size_t at = 0; at < line.size();) {
    const size_t end = std::min(line.find(',', at), line.size());
    if (end > at) names.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

void gather_own(AttachFacts& facts) {
  facts.own_uid = ::getuid();
  facts.own_gid = ::getgid();
  facts.own_effective_uid = ::geteuid();
  if (const auto text = read_small_file("/proc/thread-self/status")) {
    const TaskStatus status = parse_task_status(*text);
    facts.own_permitted_capabilities = status.permitted_capabilities;
    facts.own_effective_capabilities = status.effective_capabilities;
    facts.own_seccomp = status.seccomp;
  }
  facts.is_proc_ours = is_proc_ours();
  facts.refused_ptrace_errno = probe_ptrace();
  facts.own_security_label = first_line(read_small_file("/proc/thread-self/attr/current"));
  facts.yama_scope = read_yama_scope();
  facts.security_modules = read_security_modules();
}

// ---- user namespaces ----

struct NamespaceId {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

std::optional<NamespaceId> namespace_id(const UniqueFd& fd) {
  struct stat info {};
  if (!fd || ::fstat(fd.value(), &info) != 0) return std::nullopt;
  return NamespaceId{info.st_dev, info.st_ino};
}

/// The namespace that all others are below: its inode is fixed, PROC_USER_INIT_INO of the kernel's
/// include/linux/proc_ns.h.
bool is_initial(const NamespaceId& id) { return id.inode == 0xEFFFFFFD; }

UserNamespace find_user_namespace(const ProcDir& proc, const std::string& source, bool capable) {
  const auto own = namespace_id(UniqueFd(::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC)));
  if (!own) return UserNamespace::unknown;
  auto target = proc.open_file(source + "ns/user", O_RDONLY);
  if (!target) {
    // Opening it asks for the right to read the target (PTRACE_MODE_READ_FSCREDS, proc(5)). Who has
    // CAP_SYS_PTRACE gets that in each namespace at or below the own one.
    const bool denied = target.error().code == ErrorCode::permission;
    return denied && capable && !is_initial(*own) ? UserNamespace::outside : UserNamespace::unknown;
  }
  UniqueFd fd = std::move(*target);
  if (namespace_id(fd) == own) return UserNamespace::same;
  constexpr int deepest = 33;  // the kernel nests no deeper (user_namespaces(7))
  for (int level = 0; level < deepest; ++level) {
    UniqueFd parent(::ioctl(fd.value(), NS_GET_PARENT));
    // EPERM: the parent is neither ours nor below ours (ioctl_ns(2)).
    if (!parent) return errno == EPERM ? UserNamespace::outside : UserNamespace::unknown;
    if (namespace_id(parent) == own) {
      uid_t owner = 0;
      const bool known = ::ioctl(fd.value(), NS_GET_OWNER_UID, &owner) == 0;
      return known && owner == ::geteuid() ? UserNamespace::owned : UserNamespace::descendant;
    }
    fd = std::move(parent);
  }
  return UserNamespace::unknown;
}

// ---- the target ----

/// Fills the facts about one process; `source` is where the files of a living thread of it are: ""
/// for the leader, else "task/TID/", since a leader that has exited has no memory, and with that no
/// owner of files that says anything.
class TargetReader {
 public:
  TargetReader(const ProcDir& proc, AttachFacts& facts) : proc_(proc), facts_(facts) {}

  /// @return false when the process went away meanwhile.
  bool read() {
    const auto stat = read_stat(proc_, "stat");
    if (!stat) return false;
    facts_.name = stat->name;
    facts_.is_kernel_thread = stat->is_kernel_thread();
    facts_.leader_state = stat->state;
    facts_.live_threads = proc_.thread_count().value_or(0);
    if (is_dead(stat->state)) find_living_thread();
    const auto status = read_status(proc_, source_ + "status");
    if (!status) return false;
    facts_.uids = first_three(status->uids);
    facts_.gids = first_three(status->gids);
    facts_.permitted_capabilities = status->permitted_capabilities;
    facts_.namespace_pids = status->namespace_pids;
    facts_.security_label = first_line(proc_.read(source_ + "attr/current"));
    find_tracer();
    facts_.is_descendant = is_descendant(stat->ppid);
    facts_.user_namespace = find_user_namespace(
        proc_, source_, (facts_.own_effective_capabilities & cap_sys_ptrace) != 0);
    facts_.is_reading_refused = is_reading_refused();
    facts_.is_dumpable = is_dumpable();
    return true;
  }

 private:
  void find_living_thread() {
    const auto tids = proc_.tids();
    for (const pid_t tid : tids.value_or(std::vector<pid_t>())) {
      const std::string folder = fmt::format("task/{}/", tid);
      const auto stat = read_stat(proc_, folder + "stat");
      if (stat && !is_dead(stat->state)) {
        source_ = folder;
        if (facts_.live_threads > 1) --facts_.live_threads;  // the leader was counted
        return;
      }
    }
    facts_.live_threads = 0;
  }

  void find_tracer() {
    if (look_for_tracer(proc_.pid()) || look_for_tracer(facts_.requested)) return;
    if (facts_.live_threads < 2) return;
    const auto tids = proc_.tids();
    if (!tids) return;
    const size_t asked = std::min(tids->size(), most_threads_asked);
    for (size_t i = 0; i < asked; ++i) {
      if (look_for_tracer((*tids)[i])) return;
    }
  }

  bool look_for_tracer(pid_t tid) {
    const auto status = read_status(proc_, fmt::format("task/{}/status", tid));
    // A tracer outside our PID namespace is shown as 0, but its tracee's stops are seen.
    if (!status || (status->tracer_pid == 0 && status->state != 't')) return false;
    facts_.is_traced = true;
    facts_.traced_tid = tid;
    if (status->tracer_pid == 0) return true;
    facts_.tracer_pid = status->tracer_pid;
    if (const auto tracer = ProcDir::open(status->tracer_pid)) {
      // TracerPid is the one thread that traces; people know its process.
      const auto tracer_status = read_status(*tracer, "status");
      if (tracer_status && tracer_status->tgid > 0) facts_.tracer_pid = tracer_status->tgid;
      facts_.tracer_name = first_line(tracer->read("comm"));
    }
    return true;
  }

  static bool is_descendant(pid_t parent) {
    // As deep as processes can be nested without this loop being a matter of seconds.
    for (int depth = 0; parent > 1 && depth < 4096; ++depth) {
      if (parent == ::getpid()) return true;
      const auto line = read_small_file(fmt::format("/proc/{}/stat", parent));
      if (!line) return false;
      const auto stat = parse_task_stat(*line);
      if (!stat) return false;
      parent = stat->ppid;
    }
    return parent == ::getpid();
  }

  bool is_dumpable() const {
    // The files of a process that is not dumpable belong to the root of its user namespace instead
    // of its effective user and group; its folder does not, so look at a file (proc(5),
    // "/proc/pid").
    struct stat info {};
    if (::fstatat(proc_.fd(), (source_ + "stat").c_str(), &info, 0) != 0) return true;
    const uid_t uid = facts_.uids[1];
    const gid_t gid = facts_.gids[1];
    if (info.st_uid != uid || info.st_gid != gid) return false;
    if (uid != 0 || gid != 0) return true;
    // Root's own processes show no difference. If all else speaks for the right to read, and we do
    // not have it, then this is the reason.
    return !facts_.is_reading_refused || facts_.is_privileged() || !facts_.has_same_uid() ||
           !facts_.has_same_gid() || facts_.missing_capabilities() != 0 || !is_same_namespace();
  }

  bool is_same_namespace() const {
    return facts_.user_namespace == UserNamespace::same ||
           facts_.user_namespace == UserNamespace::unknown;
  }

  bool is_reading_refused() const {
    // Reading this link asks for PTRACE_MODE_READ_FSCREDS, which has the checks of an attach but
    // for Yama's (ptrace(2), "Ptrace access mode checking").
    const auto link = proc_.read_link(source_ + "exe");
    return !link && link.error().code == ErrorCode::permission;
  }

  const ProcDir& proc_;
  AttachFacts& facts_;
  std::string source_;
};

/// @return the process that a tid belongs to; 0 when it cannot be read.
pid_t process_of(const ProcDir& proc) {
  const auto status = read_status(proc, "status");
  return status ? status->tgid : 0;
}

void gather_target(AttachFacts& facts) {
  auto proc = ProcDir::open(facts.requested);
  if (proc) facts.pid = process_of(*proc);
  if (facts.pid == 0) {
    facts.is_visible = false;
    return;
  }
  facts.is_self = facts.pid == ::getpid();
  if (facts.pid != facts.requested) proc = ProcDir::open(facts.pid);
  if (!proc || !TargetReader(*proc, facts).read()) facts.is_visible = false;
}

}  // namespace

bool AttachFacts::is_privileged() const {
  switch (user_namespace) {
    case UserNamespace::owned:
      return true;
    case UserNamespace::outside:
      return false;
    case UserNamespace::unknown:
    case UserNamespace::same:
    case UserNamespace::descendant:
      break;
  }
  return (own_effective_capabilities & cap_sys_ptrace) != 0;
}

bool AttachFacts::has_same_uid() const {
  return std::all_of(uids.begin(), uids.end(), [&](uid_t uid) { return uid == own_uid; });
}

bool AttachFacts::has_same_gid() const {
  return std::all_of(gids.begin(), gids.end(), [&](gid_t gid) { return gid == own_gid; });
}

AttachFacts gather_attach_facts(pid_t pid) {
  AttachFacts facts;
  facts.requested = pid;
  gather_own(facts);
  // To kill(2) 0 and negative numbers are groups of processes.
  if (pid <= 0 || !is_running_pid(pid)) return facts;
  facts.exists = true;
  if (!facts.is_proc_ours) return facts;
  gather_target(facts);
  // It may have gone while we looked; a process that stays and cannot be seen is hidden from us.
  if (!facts.is_visible) facts.exists = is_running_pid(pid);
  return facts;
}

}  // namespace clew::os
