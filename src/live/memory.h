#pragma once

#include <optional>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "live/ptrace_port.h"
#include "os/proc_dir.h"

namespace clew::live {

/// The target's memory through /proc/PID/mem: works while the target runs, and for read-only text.
class Memory {
 public:
  Memory(const os::ProcDir& proc, PtracePort& ptrace) : proc_(proc), ptrace_(ptrace) {}

  /// Forgets the descriptor, which stays with the address space that it was opened on: after each
  /// exec.
  void reopen() { fd_.reset(); }

  /// @return the bytes read from `address` on, up to the first page that cannot be read; fault when
  /// there is none.
  Result<size_t> read(Addr address, MutableBytes into);

  /// Where the kernel refuses forced writes (proc_mem.force_override, since 6.12) it writes word by
  /// word through `held_tid`, a tracee in a stop, if there is one.
  Status write(Addr address, Bytes data, std::optional<pid_t> held_tid);

 private:
  Status open();
  Status write_words(Addr address, Bytes data, pid_t tid);

  const os::ProcDir& proc_;
  PtracePort& ptrace_;
  UniqueFd fd_;
};

}  // namespace clew::live
