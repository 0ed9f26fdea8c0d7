#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "inferior/inferior.h"
#include "stack/stack_copy.h"

namespace clew {

/// Takes the registers and the stacks of all threads in one short stop, so that they can be unwound
/// after the target runs again.
///
/// Of each stack what is in use is copied: from the stack pointer to the top. The top is where the
/// thread's own storage begins (C libraries put it there), or where the main thread began. Stacks
/// of neither kind (a coroutine's, an alternate one for signals) are copied as far as they reach,
/// up to a limit; and where such a stack holds the frame of a signal, so is the stack that the
/// signal has interrupted.
class StackCapture {
 public:
  struct Captured {
    Thread thread;
    /// nullopt when it was not held, had gone, or time was up.
    std::optional<arch::GeneralRegisters> registers;
    std::vector<stack::MemoryCopy> memory;
  };

  /// `main_stack_top` as os::TaskStat::start_stack.
  StackCapture(pid_t pid, const arch::Arch& arch, uint64_t main_stack_top)
      : pid_(pid), arch_(arch), main_stack_top_(main_stack_top) {}

  /// Gets room for that many threads, before the stop: fresh memory costs time when it is first
  /// touched.
  void prepare(size_t threads);

  /// Looks at every thread that is held. @return false when it came to `deadline`, with the rest
  /// left out.
  bool take(Inferior& inferior, const Deadline& deadline);

  /// Takes another stretch of memory for a thread of threads(), as far as it is not there: of a
  /// stack that its own goes on on. Needs the same stop.
  void take_more(Inferior& inferior, size_t thread, uint64_t start, uint64_t end);

  const std::vector<Captured>& threads() const { return threads_; }
  size_t bytes_copied() const { return copied_; }

 private:
  /// A stack that is being copied: [start, end) is what is wanted, of which `done` is there.
  struct Wanted {
    size_t thread = 0;
    uint64_t start = 0, end = 0;
    uint64_t done = 0;
    bool is_certain = false;  ///< that `end` is its top
    bool is_broken_off = false;
  };

  Wanted plan(size_t thread, uint64_t sp) const;
  size_t read(Inferior& inferior, Addr from, MutableBytes into);
  void copy(Inferior& inferior, Wanted& wanted, uint64_t most);
  void check_top(Inferior& inferior, Wanted& wanted) const;
  void copy_interrupted(Inferior& inferior, const Wanted& wanted);
  std::optional<uint64_t> interrupted_sp(const Captured& captured, uint64_t sp) const;
  MutableBytes room(size_t size);

  pid_t pid_;
  const arch::Arch& arch_;
  uint64_t main_stack_top_;
  std::vector<Captured> threads_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  size_t block_size_ = 0, block_used_ = 0;
  size_t copied_ = 0;
  bool by_copy_ = true;  ///< process_vm_readv works
};

}  // namespace clew
