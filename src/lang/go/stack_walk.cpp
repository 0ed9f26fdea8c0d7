#include "lang/go/stack_walk.h"

#include <algorithm>
#include <cstring>

namespace clew::go {
namespace {

constexpr size_t further_part = 4096;
/// A walk to the user's code that has not come there by then shows the innermost place.
constexpr size_t most_to_user = 64;

}  // namespace

std::optional<uint64_t> StackWalk::word_at(uint64_t address) {
  uint64_t word = 0;
  if (address < window_start_ || address - window_start_ + sizeof word > window_.size()) {
    if (address >= stack_high_ || stack_high_ - address < sizeof word) return std::nullopt;
    storage_.resize(std::min<uint64_t>(further_part, stack_high_ - address));
    const size_t size = memory_.copy({address}, storage_);
    window_start_ = address;
    window_ = Bytes(storage_).first(size);
    if (size < sizeof word) return std::nullopt;
  }
  std::memcpy(&word, window_.data() + (address - window_start_), sizeof word);
  return word;
}

std::span<const StackWord> StackWalk::run(const Goroutine& goroutine, Bytes top) {
  words_.clear();
  window_start_ = goroutine.sp.value;
  window_ = top;
  stack_high_ = goroutine.stack_high.value;
  const bool is_to_user = options_.stacks == StackPart::to_user;
  const size_t most = is_to_user ? most_to_user : options_.most_frames;
  uint64_t sp = goroutine.sp.value;
  StackWord word = StackWord::of(goroutine.pc.value, goroutine.is_exact);
  while (words_.size() < most) {
    words_.push_back(word);
    const CodeFact& fact = facts_.at(word);
    if (fact.is_saved) words_.back() = StackWord::of(word.pc().value, true);
    if (fact.kind != CodeFact::Kind::frame || (is_to_user && fact.is_user)) break;
    // Frames only ever lie further out, so that every walk ends.
    sp += static_cast<uint64_t>(fact.frame_size);
    const auto pc = word_at(sp - sizeof(uint64_t));
    if (!pc || *pc == 0) break;
    word = StackWord::of(*pc, fact.interrupts);
  }
  return words_;
}

}  // namespace clew::go
