#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/memory_reader.h"
#include "os/mappings.h"

namespace clew::live {

/// The target's memory as the engine patches it. Virtual for the scripted kernel of the tests.
class MemoryPort : public MemoryReader {
 public:
  /// Writes into memory, read-only text too; the target may run. Where the kernel refuses forced
  /// writes (proc_mem.force_override, since 6.12) it writes word by word through `held_tid`, a
  /// tracee in a stop, if there is one.
  virtual Status write_memory(Addr address, Bytes data, std::optional<pid_t> held_tid) = 0;

  /// The memory of a forked child, while that is stopped. @return nullptr when it is gone.
  virtual std::unique_ptr<MemoryPort> of_child(pid_t pid) = 0;

  /// The process has executed a new program: what was opened belongs to its former memory.
  virtual void renew() = 0;

  /// What is mapped now, by address.
  virtual Result<std::vector<os::Mapping>> mappings() = 0;
};

}  // namespace clew::live
