#pragma once

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <span>

#include "base/memory_reader.h"
#include "os/process_copy.h"

namespace clew::go {

/// Copies of a held process's memory, many at a time, from several threads of clew: by
/// process_vm_readv(2), or one by one through `fallback` where the kernel refuses that.
class TargetCopy {
 public:
  /// Tries the call on the word at `known`, which must be readable.
  TargetCopy(pid_t pid, MemoryReader& fallback, Addr known);

  /// @return how many bytes could be copied from `from` on.
  size_t copy(Addr from, MutableBytes into) const;
  void copy(std::span<os::MemoryPart> parts) const;

  template <typename T>
  std::optional<T> read(Addr from) const {
    T object{};
    if (copy(from, bytes_of(object)) != sizeof object) return std::nullopt;
    return object;
  }

 private:
  pid_t pid_;
  MemoryReader& fallback_;
  mutable std::mutex mutex_;  ///< of fallback_
  bool is_direct_ = false;
};

}  // namespace clew::go
