#pragma once

#include <optional>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "live/memory_port.h"
#include "live/ptrace_port.h"
#include "os/proc_dir.h"

namespace clew::live {

/// The target's memory through /proc/PID/mem: works while the target runs, and for read-only text.
class Memory final : public MemoryPort {
 public:
  /// `proc` must outlive it.
  Memory(const os::ProcDir& proc, PtracePort& ptrace) : proc_(proc), ptrace_(ptrace) {}

  std::unique_ptr<MemoryPort> of_child(pid_t pid) override;
  /// The descriptor stays with the address space that it was opened on.
  void renew() override { fd_.reset(); }

  /// @return the bytes read from `address` on, up to the first page that cannot be read; fault when
  /// there is none.
  Result<size_t> read_memory(Addr address, MutableBytes into) override;
  Status write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) override;
  Result<std::vector<os::Mapping>> mappings() override { return os::read_mappings(proc_); }

 private:
  Status open();
  Status write_words(Addr address, Bytes data, pid_t tid);

  const os::ProcDir& proc_;
  PtracePort& ptrace_;
  UniqueFd fd_;
};

}  // namespace clew::live
