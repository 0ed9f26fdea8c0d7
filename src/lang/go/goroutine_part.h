#pragma once

#include "lang/go/stack_walk.h"

namespace clew::go {

/// Reads one stretch of the runtime's list of goroutines: what one thread of clew does of the work.
class GoroutinePart {
 public:
  GoroutinePart(const TargetCopy& memory, const RuntimeLayout& layout,
                const sym::ModuleMap& modules, const ReadOptions& options)
      : memory_(memory), layout_(layout), options_(options), walk_(memory, modules, options) {}

  /// Appends to `found` the goroutines whose pointers stand at [first, end) of the list at
  /// `pointers`, with the stacks of those that are on no thread.
  void run(Addr pointers, uint64_t first, uint64_t end, Goroutines& found);

  /// The stack of one goroutine.
  void add_stack(Goroutine& goroutine, Goroutines& found);

  size_t unreadable() const { return unreadable_; }

 private:
  /// A stretch of memory with several goroutines in it, and where it is in `bytes_`.
  struct Range {
    uint64_t start = 0, size = 0;
    size_t at = 0;
    bool is_copied = false;
  };

  void plan_ranges();
  void copy_ranges();
  void decode_all(Goroutines& found);
  bool decode(uint64_t address, Bytes bytes, Goroutine& goroutine) const;
  void add_stacks(Goroutines& found, size_t from);

  const TargetCopy& memory_;
  const RuntimeLayout& layout_;
  const ReadOptions& options_;
  StackWalk walk_;
  size_t unreadable_ = 0;
  // Of the goroutines at hand.
  std::vector<uint64_t> pointers_;
  std::vector<uint32_t> range_of_;
  std::vector<Range> ranges_;
  std::vector<os::MemoryPart> parts_;
  std::vector<std::byte> bytes_;
};

}  // namespace clew::go
