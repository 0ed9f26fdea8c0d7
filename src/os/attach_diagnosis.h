#pragma once

#include <string>
#include <vector>

#include "os/attach_facts.h"

namespace clew::os {

/// Whether an attach would work; if not, the one reason and the one thing to do about it. All texts
/// are single lines fit for a terminal, without a final full stop.
struct Diagnosis {
  bool possible = false;
  /// For JSON; these names stay: ok, no_such_process, hidden, proc_unusable, self, kernel_thread,
  /// zombie, already_traced, seccomp, uid, gid, namespace, not_dumpable, capability, yama, lsm.
  std::string reason_code;
  std::string reason;              ///< what and why
  std::string remedy;              ///< what to do; empty when possible
  std::vector<std::string> notes;  ///< what else is worth knowing, further obstacles among it
};

/// What the kernel will say to an attach, told from the facts. It can be wrong in two ways:
/// security modules are not asked (see diagnose_denial), and a process may have allowed us with
/// PR_SET_PTRACER (prctl(2)), which only the attempt shows. So let it explain a refusal, not
/// replace the attempt.
Diagnosis diagnose_attach(const AttachFacts& facts);

/// Explains an attach that the kernel has refused with EPERM: as diagnose_attach() does or, where
/// that finds nothing against it, by a security module.
Diagnosis diagnose_denial(const AttachFacts& facts);

}  // namespace clew::os
