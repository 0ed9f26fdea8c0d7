#include "os/attach_diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/printable.h"

namespace clew::os {
namespace {

/// One thing that makes an attach fail.
struct Obstacle {
  std::string code;
  std::string reason;
  std::string remedy;
};

using Obstacles = std::vector<Obstacle>;

std::string name_of(std::string_view name) {
  return name.empty() ? std::string() : fmt::format(" ({})", printable(name));
}

std::string subject(const AttachFacts& facts) {
  return fmt::format("process {}{}", facts.pid, name_of(facts.name));
}

/// Bits 0 to 40 (capabilities(7)).
constexpr std::array<std::string_view, 41> capability_names = {"CHOWN",
                                                               "DAC_OVERRIDE",
                                                               "DAC_READ_SEARCH",
                                                               "FOWNER",
                                                               "FSETID",
                                                               "KILL",
                                                               "SETGID",
                                                               "SETUID",
                                                               "SETPCAP",
                                                               "LINUX_IMMUTABLE",
                                                               "NET_BIND_SERVICE",
                                                               "NET_BROADCAST",
                                                               "NET_ADMIN",
                                                               "NET_RAW",
                                                               "IPC_LOCK",
                                                               "IPC_OWNER",
                                                               "SYS_MODULE",
                                                               "SYS_RAWIO",
                                                               "SYS_CHROOT",
                                                               "SYS_PTRACE",
                                                               "SYS_PACCT",
                                                               "SYS_ADMIN",
                                                               "SYS_BOOT",
                                                               "SYS_NICE",
                                                               "SYS_RESOURCE",
                                                               "SYS_TIME",
                                                               "SYS_TTY_CONFIG",
                                                               "MKNOD",
                                                               "LEASE",
                                                               "AUDIT_WRITE",
                                                               "AUDIT_CONTROL",
                                                               "SETFCAP",
                                                               "MAC_OVERRIDE",
                                                               "MAC_ADMIN",
                                                               "SYSLOG",
                                                               "WAKE_ALARM",
                                                               "BLOCK_SUSPEND",
                                                               "AUDIT_READ",
                                                               "PERFMON",
                                                               "BPF",
                                                               "CHECKPOINT_RESTORE"};

/// @return e.g. "CAP_NET_RAW and CAP_SYS_ADMIN", "CAP_CHOWN and 12 others".
std::string capability_list(uint64_t set) {
  std::vector<std::string> names;
  for (unsigned bit = 0; bit < 64; ++bit) {
    if ((set >> bit & 1) == 0) continue;
    names.push_back(bit < capability_names.size() ? fmt::format("CAP_{}", capability_names[bit])
                                                  : fmt::format("capability {}", bit));
  }
  if (names.empty()) return "none";
  if (names.size() == 1) return names[0];
  if (names.size() == 2) return fmt::format("{} and {}", names[0], names[1]);
  return fmt::format("{} and {} others", names[0], names.size() - 1);
}

std::string id_list(const IdTriple& ids) {
  if (ids[0] == ids[1] && ids[1] == ids[2]) return fmt::format("{}", ids[0]);
  return fmt::format("{} (real), {} (effective), {} (saved)", ids[0], ids[1], ids[2]);
}

/// How to get CAP_SYS_PTRACE where the target is.
std::string privilege_remedy(const AttachFacts& facts) {
  if (facts.user_namespace == UserNamespace::outside) {
    return "run clew outside of its container, as root on the host: sudo clew ...";
  }
  if (facts.own_effective_uid != 0) return "run it as root: sudo clew ...";
  return "give clew CAP_SYS_PTRACE; in a container, start that with --cap-add=SYS_PTRACE";
}

/// Ends a reason that privilege would overcome.
std::string without_privilege(const AttachFacts& facts) {
  if (facts.user_namespace == UserNamespace::outside) {
    return "and no capability of clew counts in its user namespace";
  }
  return facts.own_effective_uid == 0 ? "and clew, though root, lacks CAP_SYS_PTRACE"
                                      : "and clew lacks CAP_SYS_PTRACE";
}

// ---- obstacles that nothing removes ----

/// @return whether there is one.
bool find_final(const AttachFacts& facts, Obstacles& found) {
  const pid_t asked = facts.requested;
  if (!facts.exists) {
    found.push_back({"no_such_process", fmt::format("there is no process {}", asked),
                     "look up the pid with: ps -e"});
  } else if (!facts.is_proc_ours) {
    found.push_back({"proc_unusable",
                     "/proc is not mounted, or shows the processes of another PID namespace",
                     "mount it for this namespace: mount -t proc proc /proc"});
  } else if (!facts.is_visible) {
    found.push_back({"hidden",
                     fmt::format("process {} exists, but /proc hides it from user {} (mount option "
                                 "hidepid of /proc)",
                                 asked, facts.own_effective_uid),
                     privilege_remedy(facts)});
  } else if (facts.is_self) {
    found.push_back({"self",
                     facts.requested == facts.pid
                         ? fmt::format("process {} is clew itself", asked)
                         : fmt::format("{} is a thread of clew itself", asked),
                     "give the pid of another process"});
  } else if (facts.is_kernel_thread) {
    found.push_back({"kernel_thread",
                     fmt::format("{} is a kernel thread: it has no memory or code of a program",
                                 subject(facts)),
                     "give the pid of a program"});
  } else if (facts.live_threads == 0 && (facts.leader_state == 'Z' || facts.leader_state == 'X')) {
    found.push_back({"zombie",
                     fmt::format("{} is a zombie: it has exited, and its parent has not yet asked "
                                 "for its status",
                                 subject(facts)),
                     "nothing is left to attach to; start the program anew"});
  }
  return !found.empty();
}

// ---- obstacles that the user can remove ----

void check_own_ptrace(const AttachFacts& facts, Obstacles& found) {
  if (facts.refused_ptrace_errno == 0) return;
  const std::string words = errno_text(facts.refused_ptrace_errno);
  if (facts.own_seccomp != 0) {
    found.push_back(
        {"seccomp",
         fmt::format("a seccomp filter keeps clew from calling ptrace at all ({})", words),
         "run clew outside of the sandbox; a container: start it with "
         "--cap-add=SYS_PTRACE --security-opt seccomp=unconfined"});
  } else {
    found.push_back({"seccomp", fmt::format("this system refuses ptrace to clew ({})", words),
                     "run clew outside of the sandbox that it is in"});
  }
}

void check_tracer(const AttachFacts& facts, Obstacles& found) {
  if (!facts.is_traced) return;
  std::string who = subject(facts);
  if (facts.traced_tid != facts.pid) {
    who = fmt::format("thread {} of {}", facts.traced_tid, who);
  }
  if (facts.tracer_pid == 0) {
    found.push_back(
        {"already_traced",
         fmt::format("{} is already traced, by a process outside this PID namespace", who),
         "detach the other debugger first; a process can have only one"});
    return;
  }
  const std::string tracer =
      facts.tracer_name.empty() ? std::string("the other debugger") : printable(facts.tracer_name);
  found.push_back(
      {"already_traced",
       fmt::format("{} is already traced by {} (pid {})", who, tracer, facts.tracer_pid),
       fmt::format("detach {} (pid {}) first", tracer, facts.tracer_pid)});
}

/// The first half of __ptrace_may_access (kernel/ptrace.c): ids, or privilege.
void check_ids(const AttachFacts& facts, Obstacles& found) {
  if (facts.is_privileged() || (facts.has_same_uid() && facts.has_same_gid())) return;
  const bool is_uid = !facts.has_same_uid();
  std::string code = is_uid ? "uid" : "gid";
  std::string reason =
      fmt::format("{} has {} id {}, clew has {}, {}", subject(facts), is_uid ? "user" : "group",
                  id_list(is_uid ? facts.uids : facts.gids), is_uid ? facts.own_uid : facts.own_gid,
                  without_privilege(facts));
  if (facts.user_namespace == UserNamespace::outside) {
    code = "namespace";
  } else if (facts.own_effective_uid == 0) {
    code = "capability";
  }
  found.push_back({std::move(code), std::move(reason), privilege_remedy(facts)});
}

/// The second half of it.
void check_dumpable(const AttachFacts& facts, Obstacles& found) {
  if (facts.is_dumpable || facts.is_privileged()) return;
  found.push_back(
      {"not_dumpable",
       fmt::format("{} is not dumpable (it changed ids, has capabilities from its file, cannot be "
                   "read, or asked for it by PR_SET_DUMPABLE), {}",
                   subject(facts), without_privilege(facts)),
       privilege_remedy(facts)});
}

/// cap_ptrace_access_check (security/commoncap.c): the first security module, and always there.
void check_capabilities(const AttachFacts& facts, Obstacles& found) {
  if (facts.is_privileged()) return;
  const bool other_namespace = facts.user_namespace == UserNamespace::descendant ||
                               facts.user_namespace == UserNamespace::outside;
  if (other_namespace) {
    const bool is_outside = facts.user_namespace == UserNamespace::outside;
    found.push_back(
        {"namespace",
         fmt::format("{} is in another user namespace, {}", subject(facts),
                     is_outside ? "where no capability of clew counts" : without_privilege(facts)),
         privilege_remedy(facts)});
  } else if (facts.missing_capabilities() != 0) {
    found.push_back({"capability",
                     fmt::format("{} has more capabilities than clew ({}), which takes "
                                 "CAP_SYS_PTRACE",
                                 subject(facts), capability_list(facts.missing_capabilities())),
                     privilege_remedy(facts)});
  }
}

/// yama_ptrace_access_check (security/yama/yama_lsm.c; Documentation/admin-guide/LSM/Yama.rst).
void check_yama_off(const AttachFacts& facts, Obstacles& found) {
  if (facts.yama_scope < 3) return;
  found.push_back({"yama",
                   "kernel.yama.ptrace_scope is 3: no process may attach to another, not even "
                   "root's, until the next boot",
                   "set kernel.yama.ptrace_scope to 0, 1 or 2 in /etc/sysctl.d and reboot"});
}

void check_yama(const AttachFacts& facts, Obstacles& found) {
  if (facts.yama_scope <= 0 || facts.yama_scope >= 3 || facts.is_privileged()) return;
  if (facts.yama_scope == 2) {
    found.push_back(
        {"yama",
         fmt::format("kernel.yama.ptrace_scope is 2: attaching needs CAP_SYS_PTRACE, {}",
                     without_privilege(facts)),
         privilege_remedy(facts)});
  } else if (!facts.is_descendant) {
    found.push_back({"yama",
                     fmt::format("kernel.yama.ptrace_scope is 1: only a parent may attach, {}",
                                 without_privilege(facts)),
                     facts.own_effective_uid == 0
                         ? "on the host: sudo sysctl kernel.yama.ptrace_scope=0"
                         : privilege_remedy(facts)});
  }
}

/// Those of the modules that are known to refuse ptrace by rules of their own.
std::vector<std::string> ruling_modules(const AttachFacts& facts) {
  static constexpr std::string_view ruling[] = {"selinux", "apparmor", "smack", "landlock", "bpf"};
  std::vector<std::string> names;
  for (const std::string& module : facts.security_modules) {
    if (std::find(std::begin(ruling), std::end(ruling), module) != std::end(ruling)) {
      names.push_back(printable(module));
    }
  }
  return names;
}

std::string security_remedy(const AttachFacts& facts, const std::vector<std::string>& modules) {
  const auto has = [&](std::string_view name) {
    return std::find(modules.begin(), modules.end(), name) != modules.end();
  };
  if (has("selinux")) return "let SELinux permit it: sudo setsebool deny_ptrace off";
  if (has("apparmor")) {
    const bool is_confined =
        !facts.own_security_label.empty() && !facts.own_security_label.starts_with("unconfined");
    return is_confined ? "run clew unconfined; a container: start it with "
                         "--security-opt apparmor=unconfined"
                       : "find the denial in the kernel's log: sudo dmesg | grep -i denied";
  }
  return "find the denial in the kernel's log: sudo dmesg";
}

Obstacle security_module(const AttachFacts& facts) {
  const auto modules = ruling_modules(facts);
  std::string who = modules.empty()
                        ? std::string("probably a security module")
                        : fmt::format("a security module ({})", fmt::join(modules, ", "));
  if (facts.user_namespace == UserNamespace::unknown && !facts.is_privileged()) {
    who += ", or it is in another user namespace";
  }
  return {"lsm",
          fmt::format("the kernel refuses {} (EPERM) although ids, capabilities, dumpable and Yama "
                      "allow it: {}",
                      subject(facts), who),
          security_remedy(facts, modules)};
}

Obstacles all_obstacles(const AttachFacts& facts) {
  Obstacles found;
  if (find_final(facts, found)) return found;
  // What no privilege overcomes comes first, although the kernel looks for a tracer last: "use
  // sudo" would be no remedy. Then the order of the kernel's checks.
  check_own_ptrace(facts, found);
  check_yama_off(facts, found);
  check_tracer(facts, found);
  check_ids(facts, found);
  check_dumpable(facts, found);
  check_capabilities(facts, found);
  check_yama(facts, found);
  if (found.empty() && facts.is_reading_refused) found.push_back(security_module(facts));
  return found;
}

std::vector<std::string> notes_on(const AttachFacts& facts) {
  std::vector<std::string> notes;
  if (facts.pid == 0 || facts.is_self || facts.is_kernel_thread) return notes;
  if (facts.requested != facts.pid) {
    notes.push_back(fmt::format("{} is a thread of {}", facts.requested, subject(facts)));
  }
  if (facts.has_exited_leader()) {
    notes.push_back(fmt::format("the first thread of {} has exited; {} other{} live{} on",
                                subject(facts), facts.live_threads,
                                facts.live_threads == 1 ? "" : "s",
                                facts.live_threads == 1 ? "s" : ""));
  }
  if (facts.leader_state == 'T') {
    notes.push_back(fmt::format("{} is stopped by a signal (T), and stays so", subject(facts)));
  }
  if (facts.leader_state == 'D') {
    notes.push_back("its first thread is in uninterruptible sleep (D): it stops only after that");
  }
  if (facts.namespace_pids.size() > 1) {
    notes.push_back(fmt::format("it is in another PID namespace, where its pid is {}",
                                facts.namespace_pids.back()));
  }
  return notes;
}

Diagnosis as_diagnosis(const AttachFacts& facts, const Obstacles& obstacles) {
  Diagnosis result;
  result.notes = notes_on(facts);
  if (obstacles.empty()) {
    result.possible = true;
    result.reason_code = "ok";
    result.reason = fmt::format("clew may attach to {}", subject(facts));
    return result;
  }
  const Obstacle& first = obstacles.front();
  result.reason_code = first.code;
  result.reason = first.reason;
  result.remedy = first.remedy;
  if (first.code == "lsm") {
    for (const auto& [whose, label] : {std::pair("clew", &facts.own_security_label),
                                       std::pair("the process", &facts.security_label)}) {
      if (!label->empty()) {
        result.notes.push_back(
            fmt::format("the security label of {} is {}", whose, printable(*label)));
      }
    }
  }
  // An obstacle that the same remedy removes is no news.
  for (size_t i = 1; i < obstacles.size(); ++i) {
    const bool is_covered =
        std::any_of(obstacles.begin(), obstacles.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Obstacle& earlier) { return earlier.remedy == obstacles[i].remedy; });
    if (!is_covered) {
      result.notes.push_back(
          fmt::format("after that: {}; {}", obstacles[i].reason, obstacles[i].remedy));
    }
  }
  return result;
}

}  // namespace

Diagnosis diagnose_attach(const AttachFacts& facts) {
  return as_diagnosis(facts, all_obstacles(facts));
}

Diagnosis diagnose_denial(const AttachFacts& facts) {
  Obstacles obstacles = all_obstacles(facts);
  if (obstacles.empty()) obstacles.push_back(security_module(facts));
  return as_diagnosis(facts, obstacles);
}

}  // namespace clew::os
