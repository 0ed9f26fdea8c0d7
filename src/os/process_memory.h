#pragma once

#include "base/memory_reader.h"
#include "base/unique_fd.h"
#include "os/proc_dir.h"

namespace clew::os {

/// The memory of a process through /proc/PID/mem, for reading, whether it is attached or not and
/// while it runs.
class ProcessMemory final : public MemoryReader {
 public:
  /// `proc` must outlive it.
  explicit ProcessMemory(const ProcDir& proc) : proc_(proc) {}

  Result<size_t> read_memory(Addr address, MutableBytes into) override;

  /// Forgets the descriptor, which stays with the address space that it was opened on: after an
  /// exec.
  void reopen() { fd_.reset(); }

 private:
  const ProcDir& proc_;
  UniqueFd fd_;
};

}  // namespace clew::os
