#pragma once

#include <sys/types.h>

#include <atomic>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/memory_reader.h"
#include "lang/go/goroutine.h"
#include "lang/go/runtime_layout.h"

namespace clew::go {

/// A held thread: what says where the goroutine stands that it runs.
struct ThreadAt {
  pid_t tid = 0;        ///< as clew numbers it
  pid_t inner_tid = 0;  ///< as the program itself numbers it
  uint64_t pc = 0, sp = 0, fp = 0;
};

/// Which of their stacks is wanted.
enum class StackPart : uint8_t {
  none,
  to_user,  ///< from the innermost place to the first one in a function of the user's
  whole
};

struct ReadOptions {
  StackPart stacks = StackPart::to_user;
  size_t most_frames = 128;  ///< of one goroutine, of `whole`
  bool labels = true;
  Deadline deadline;
};

/// Reads all goroutines of a process in one go. Every thread must be held, and stays held until
/// read() returns: the target waits for it. What has to do with names comes later, of Goroutines.
class GoroutineReader {
 public:
  /// All must outlive it.
  GoroutineReader(pid_t pid, const RuntimeLayout& layout, const sym::ModuleMap& modules)
      : pid_(pid), layout_(layout), modules_(modules) {}

  /// Gets room for as many as there are now, before the stop: fresh memory costs time when it is
  /// first touched.
  void prepare(MemoryReader& memory);

  /// `memory` is used where the kernel refuses process_vm_readv(2). Whatever the runtime's memory
  /// holds, this ends, and what makes no sense is left out and told in Goroutines::problems.
  Goroutines read(MemoryReader& memory, std::span<const ThreadAt> threads,
                  const ReadOptions& options);

 private:
  pid_t pid_;
  const RuntimeLayout& layout_;
  const sym::ModuleMap& modules_;
  Goroutines prepared_;
  std::vector<std::vector<std::byte>> scratch_;  ///< of each worker
};

}  // namespace clew::go
