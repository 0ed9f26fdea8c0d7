#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "os/task_facts.h"

namespace clew::os {

/// CAP_SYS_PTRACE of capabilities(7), as a bit of a capability set.
inline constexpr uint64_t cap_sys_ptrace = uint64_t{1} << 19;

/// Where the target's user namespace stands, seen from ours (user_namespaces(7), "Capabilities").
enum class UserNamespace {
  unknown,  ///< could not be found out
  same,
  descendant,  ///< below ours: our capabilities count there
  owned,       ///< below ours and made by our user, which gives all capabilities there
  outside,     ///< above or beside ours: no capability of ours counts there
};

/// Real, effective and saved id.
using IdTriple = std::array<uint32_t, 3>;

/// All that decides whether this process may attach to another. Plain data, so that the decision is
/// a pure function of it; see attach_diagnosis.h. What could not be read keeps a default that
/// speaks for the attach.
struct AttachFacts {
  // The target.
  pid_t requested = 0;       ///< as asked for; may be the tid of a thread
  bool exists = false;       ///< kill(2) with signal 0 finds it
  bool is_visible = true;    ///< it has a folder in /proc that we may look into
  bool is_proc_ours = true;  ///< /proc is mounted and is that of our own PID namespace
  pid_t pid = 0;             ///< of the process that `requested` belongs to
  std::string name;          ///< of the leader, raw bytes
  bool is_self = false;      ///< this very process, or a thread of it
  bool is_kernel_thread = false;
  StateLetter leader_state = '?';
  size_t live_threads = 0;  ///< threads that have not exited
  bool is_traced = false;
  pid_t traced_tid = 0;     ///< the thread that is traced: one found, not all
  pid_t tracer_pid = 0;     ///< the process that traces it; 0 when it is outside our PID namespace
  std::string tracer_name;  ///< raw bytes
  IdTriple uids{};
  IdTriple gids{};
  uint64_t permitted_capabilities = 0;
  bool is_dumpable = true;  ///< PR_SET_DUMPABLE of prctl(2)
  /// The kernel does not even let us read about it what only those who may attach can read.
  bool is_reading_refused = false;
  bool is_descendant = false;  ///< a child of ours, or of one of these
  UserNamespace user_namespace = UserNamespace::unknown;
  std::vector<pid_t> namespace_pids;  ///< its pid in each PID namespace from ours to its own
  std::string security_label;         ///< of a security module, e.g. "docker-default (enforce)"

  // Ourselves.
  uid_t own_uid = 0;  ///< the real one: attaching goes by it (PTRACE_MODE_REALCREDS, ptrace(2))
  gid_t own_gid = 0;
  uid_t own_effective_uid = 0;
  uint64_t own_permitted_capabilities = 0;
  uint64_t own_effective_capabilities = 0;
  int own_seccomp = 0;           ///< as TaskStatus::seccomp
  int refused_ptrace_errno = 0;  ///< what ptrace(2) fails with whatever the target is; 0: it works
  std::string own_security_label;

  // The system.
  int yama_scope = -1;  ///< /proc/sys/kernel/yama/ptrace_scope; -1 without Yama
  std::vector<std::string> security_modules;  ///< in the kernel's order; empty when unknown

  /// The leader has exited and the process lives on in other threads.
  bool has_exited_leader() const {
    return (leader_state == 'Z' || leader_state == 'X') && live_threads > 0;
  }
  /// We have CAP_SYS_PTRACE in the target's user namespace.
  bool is_privileged() const;
  /// Our real user id is the target's real, effective and saved one; the same for the group.
  bool has_same_uid() const;
  bool has_same_gid() const;
  /// @return those of the target's permitted capabilities that we lack.
  uint64_t missing_capabilities() const {
    return permitted_capabilities & ~own_permitted_capabilities;
  }
};

/// Looks at a process, or at the process of a thread, through /proc. Touches nothing, stops nothing
/// and never waits for the target; the target may change at any time afterwards. Of many threads
/// only the first few hundred are asked who traces them.
AttachFacts gather_attach_facts(pid_t pid);

}  // namespace clew::os
