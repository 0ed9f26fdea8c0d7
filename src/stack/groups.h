#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "stack/frame.h"
#include "stack/namer.h"

namespace clew::stack {

/// Threads whose stacks are the same.
struct StackGroup {
  /// A physical frame without its registers.
  struct Frame {
    Addr pc;
    Addr lookup;
    FrameOrigin origin = FrameOrigin::registers;
    bool is_signal_frame = false;
  };
  std::vector<Frame> frames;  ///< innermost first, of the first thread
  StackEnd end = StackEnd::outermost;
  std::string end_note;
  std::vector<size_t> threads;  ///< as they were called when they were added
  bool is_idle = false;         ///< threads of a pool that wait for work, as far as can be told
};

/// Collects stacks and puts the same ones together as they come: of ten thousand threads in ten
/// places only ten stacks are kept.
class StackGroups {
 public:
  /// `is_waiting`: the thread is in a system call that waits for something to do.
  void add(size_t thread, const RawStack& stack, bool is_waiting);
  /// The same for many with one stack, none of which waits.
  void add(std::span<const size_t> threads, const RawStack& stack);

  /// Groups that look the same to a reader (the same functions and lines, though not the same
  /// instructions) become one; the largest first. Leaves this empty.
  std::vector<StackGroup> finish(Namer& namer);
  /// One group for each thread, in the order in which they were added.
  std::vector<StackGroup> finish_each() const;

 private:
  struct Kept {
    StackGroup group;
    size_t waiting = 0;
  };
  /// Its place in kept_, new if it was not there.
  size_t keep(const RawStack& stack);

  std::unordered_multimap<uint64_t, size_t> by_hash_;
  std::vector<Kept> kept_;
  std::vector<std::pair<size_t, size_t>> order_;  ///< thread, index in kept_
};

}  // namespace clew::stack
