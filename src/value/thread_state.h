#pragma once

#include <cstdint>
#include <vector>

#include "arch/arch.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clew::value {

/// What locations and expressions ask of the thread that a frame belongs to, beyond the integer
/// registers that unwinding has found. What an implementation does not have it leaves as it is
/// here: an error that says so.
class ThreadState {
 public:
  virtual ~ThreadState() = default;

  virtual const arch::Arch& arch() const { return arch::native(); }
  /// A register as it is now, in the innermost frame. @return unavailable, not_stopped, gone.
  virtual Result<std::vector<std::byte>> read(const arch::RegisterInfo& info) const;
  virtual Status write(const arch::RegisterInfo& info, Bytes bytes) const;
  /// What thread-local storage is found by: fs_base on x86-64.
  virtual Result<uint64_t> thread_pointer() const;
};

}  // namespace clew::value
