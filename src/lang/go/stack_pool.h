#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/addr.h"

namespace clew::go {

/// A place on a stack of Go code: where it goes on, and whether that is behind a call.
struct StackWord {
  uint64_t bits = 0;

  static StackWord of(uint64_t pc, bool is_exact) { return {pc << 1 | (is_exact ? 1u : 0u)}; }
  Addr pc() const { return {bits >> 1}; }
  /// The pc is the instruction itself, not the one behind a call.
  bool is_exact() const { return (bits & 1) != 0; }
  /// What to look names up by.
  Addr lookup() const { return is_exact() ? pc() : pc() - 1; }

  friend bool operator==(StackWord, StackWord) = default;
};

/// Stacks as lists of places, each kept once: of a million goroutines in ten places there are ten.
class StackPool {
 public:
  /// The number of the stack with these places, innermost first.
  uint32_t add(std::span<const StackWord> words);
  std::span<const StackWord> operator[](uint32_t number) const {
    const Kept& kept = kept_[number];
    return {words_.data() + kept.start, kept.count};
  }
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    uint64_t hash = 0;
    size_t start = 0;
    uint32_t count = 0;
  };
  void grow();

  std::vector<StackWord> words_;
  std::vector<Kept> kept_;
  std::vector<uint32_t> slots_;  ///< number + 1 by hash; 0 is free; at most half full
};

}  // namespace clew::go
