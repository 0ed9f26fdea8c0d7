#pragma once

#include "lang/go/stack_walk.h"

namespace clew::go {

/// Reads one stretch of the runtime's list of goroutines: what one thread of clew does of the work.
class GoroutinePart {
 public:
  /// `scratch` is for what is copied, and grows as needed: see scratch_size(). All must outlive it.
  GoroutinePart(const TargetCopy& memory, const RuntimeLayout& layout,
                const sym::ModuleMap& modules, const ReadOptions& options,
                std::vector<std::byte>& scratch)
      : memory_(memory),
        layout_(layout),
        options_(options),
        walk_(memory, modules, options),
        bytes_(scratch) {}

  /// What so many goroutines usually need, in bytes.
  static size_t scratch_size(const RuntimeLayout& layout, size_t count);

  /// Puts the goroutines at `addresses` into `room`, from its front on, with the stacks of those
  /// that are on no thread. There is room for all; those that have ended are left out.
  void run(std::span<const uint64_t> addresses, std::span<Goroutine> room);

  /// How many are in the room.
  size_t count() const { return count_; }
  /// Those that say that they are on a thread, by their place in the room.
  const std::vector<uint32_t>& on_threads() const { return on_threads_; }
  bool has_labels() const { return has_labels_; }
  bool is_complete() const { return is_complete_; }
  const StackPool& stacks() const { return stacks_; }

  /// The stack of one goroutine, which goes into `stacks`.
  void add_stack(Goroutine& goroutine, StackPool& stacks);

  /// Whether a stack that was added has no function of the goroutine's own, only the place where
  /// stacks begin.
  bool is_empty(const Goroutine& goroutine, const StackPool& stacks);

  size_t unreadable() const { return unreadable_; }

 private:
  /// A stretch of memory with several goroutines in it, and where it is in `bytes_`.
  struct Range {
    uint64_t start = 0, size = 0;
    size_t at = 0;
    bool is_copied = false;
  };

  void make_room(size_t size) {
    if (bytes_.size() < size) bytes_.resize(size);
  }
  void plan_ranges();
  void copy_ranges();
  void decode_all(std::span<Goroutine> room);
  bool decode(uint64_t address, Bytes bytes, Goroutine& goroutine) const;
  void add_stacks(std::span<Goroutine> goroutines);

  const TargetCopy& memory_;
  const RuntimeLayout& layout_;
  const ReadOptions& options_;
  StackWalk walk_;
  StackPool stacks_;
  std::vector<uint32_t> on_threads_;
  size_t count_ = 0;
  size_t unreadable_ = 0;
  bool has_labels_ = false;
  bool is_complete_ = true;
  // Of the goroutines at hand.
  std::span<const uint64_t> pointers_;
  std::vector<uint32_t> range_of_;
  std::vector<Range> ranges_;
  std::vector<os::MemoryPart> parts_;
  std::vector<std::byte>& bytes_;
};

}  // namespace clew::go
