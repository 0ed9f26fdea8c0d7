#include "lang/go/goroutine_part.h"

#include <algorithm>
#include <cstring>

namespace clew::go {
namespace {

/// What is copied by one call, as far as it goes.
constexpr size_t chunk_size = 1024;
/// What may lie unused between two neighbours that are copied as one: the runtime allocates
/// goroutines side by side, and a page is the unit that the kernel works on.
constexpr uint64_t largest_gap = 512;
constexpr uint64_t largest_range = 256 << 10;
/// Of each stack at first: a goroutine that waits for a channel stands some 200 bytes below the
/// user's code.
constexpr uint64_t first_part = 512;
constexpr uint32_t no_range = UINT32_MAX;

template <typename T>
T field(Bytes bytes, uint64_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

bool is_on_stack(const Goroutine& goroutine) {
  return goroutine.stack_low < goroutine.sp && goroutine.sp < goroutine.stack_high;
}

}  // namespace

size_t GoroutinePart::scratch_size(const RuntimeLayout& layout, size_t count) {
  // The runtime allocates them in the next larger one of its sizes, some eighth more.
  const uint64_t each = layout.goroutine.end + layout.goroutine.end / 8;
  return std::min(count, chunk_size) * std::max(each, first_part);
}

void GoroutinePart::run(std::span<const uint64_t> addresses, std::span<Goroutine> room) {
  for (size_t at = 0; at < addresses.size(); at += chunk_size) {
    if (options_.deadline.passed()) {
      is_complete_ = false;
      return;
    }
    pointers_ = addresses.subspan(at, std::min(chunk_size, addresses.size() - at));
    plan_ranges();
    copy_ranges();
    const size_t from = count_;
    decode_all(room);
    add_stacks(room.subspan(from, count_ - from));
  }
}

void GoroutinePart::plan_ranges() {
  const uint64_t size = layout_.goroutine.end;
  ranges_.clear();
  range_of_.assign(pointers_.size(), no_range);
  size_t used = 0;
  for (size_t i = 0; i < pointers_.size(); ++i) {
    const uint64_t at = pointers_[i];
    if (at == 0 || at > UINT64_MAX - size) continue;
    const bool is_near = !ranges_.empty() && at >= ranges_.back().start &&
                         at - ranges_.back().start <= ranges_.back().size + largest_gap &&
                         at - ranges_.back().start + size <= largest_range;
    if (is_near) {
      ranges_.back().size = std::max(ranges_.back().size, at - ranges_.back().start + size);
    } else {
      if (!ranges_.empty()) used += ranges_.back().size;
      ranges_.push_back({at, size, used});
    }
    range_of_[i] = static_cast<uint32_t>(ranges_.size() - 1);
  }
  make_room(ranges_.empty() ? 0 : used + ranges_.back().size);
}

void GoroutinePart::copy_ranges() {
  parts_.clear();
  for (const Range& range : ranges_)
    parts_.push_back({{range.start}, MutableBytes(bytes_).subspan(range.at, range.size)});
  memory_.copy(parts_);
  for (size_t i = 0; i < ranges_.size(); ++i) ranges_[i].is_copied = parts_[i].is_copied;
}

void GoroutinePart::decode_all(std::span<Goroutine> room) {
  const uint64_t size = layout_.goroutine.end;
  for (size_t i = 0; i < pointers_.size(); ++i) {
    if (range_of_[i] == no_range) {
      unreadable_ += pointers_[i] == 0 ? 0 : 1;
      continue;
    }
    const Range& range = ranges_[range_of_[i]];
    const MutableBytes bytes =
        MutableBytes(bytes_).subspan(range.at + (pointers_[i] - range.start), size);
    if (!range.is_copied && memory_.copy({pointers_[i]}, bytes) != size) {
      ++unreadable_;
      continue;
    }
    Goroutine& goroutine = room[count_];
    goroutine = {};
    if (!decode(pointers_[i], bytes, goroutine)) continue;
    has_labels_ = has_labels_ || goroutine.label_pointer != 0;
    if (goroutine.machine.value != 0) on_threads_.push_back(static_cast<uint32_t>(count_));
    ++count_;
  }
}

/// @return false for what is not in use.
bool GoroutinePart::decode(uint64_t address, Bytes bytes, Goroutine& goroutine) const {
  const RuntimeLayout::Goroutine& at = layout_.goroutine;
  const auto word = [&](uint64_t offset) { return field<uint64_t>(bytes, offset); };
  const auto state = field<uint32_t>(bytes, at.status);
  goroutine.id = word(at.id);
  goroutine.state_number = static_cast<uint8_t>(std::min(state & ~scan_bit, uint32_t{UINT8_MAX}));
  const GoroutineState plain = goroutine.state();
  if (plain == GoroutineState::idle || plain == GoroutineState::dead ||
      plain == GoroutineState::dead_extra || goroutine.id == 0) {
    return false;
  }
  goroutine.is_scanned = (state & scan_bit) != 0;
  goroutine.descriptor = {address};
  goroutine.machine = {word(at.machine)};
  goroutine.stack_low = {word(at.stack_low)};
  goroutine.stack_high = {word(at.stack_high)};
  const bool is_in_call = plain == GoroutineState::syscall && word(at.syscall_sp) != 0;
  goroutine.pc = {word(is_in_call ? at.syscall_pc : at.saved_pc)};
  goroutine.sp = {word(is_in_call ? at.syscall_sp : at.saved_sp)};
  goroutine.fp = {word(at.saved_fp)};
  goroutine.go_pc = {word(at.go_pc)};
  goroutine.start_pc = {word(at.start_pc)};
  // One that has not run yet stands at its first instruction, all others behind a call.
  goroutine.is_exact = goroutine.pc == goroutine.start_pc;
  if (at.parent) goroutine.parent = word(*at.parent);
  if (at.labels) goroutine.label_pointer = word(*at.labels);
  goroutine.wait_since = field<int64_t>(bytes, at.wait_since);
  goroutine.wait_reason = field<uint8_t>(bytes, at.wait_reason);
  return true;
}

void GoroutinePart::add_stacks(std::span<Goroutine> goroutines) {
  if (options_.stacks == StackPart::none) return;
  make_room(goroutines.size() * first_part);
  parts_.clear();
  for (size_t i = 0; i < goroutines.size(); ++i) {
    Goroutine& goroutine = goroutines[i];
    goroutine.has_broken_stack = !is_on_stack(goroutine);
    const uint64_t size =
        goroutine.has_broken_stack ? 0 : std::min(first_part, goroutine.stack_high - goroutine.sp);
    parts_.push_back({goroutine.sp, MutableBytes(bytes_).subspan(i * first_part, size)});
  }
  memory_.copy(parts_);
  for (size_t i = 0; i < goroutines.size(); ++i) {
    Goroutine& goroutine = goroutines[i];
    // Those on a thread come later: where they stand, the thread knows.
    if (goroutine.machine.value != 0 || goroutine.has_broken_stack) continue;
    const os::MemoryPart& part = parts_[i];
    goroutine.stack =
        stacks_.add(walk_.run(goroutine, part.is_copied ? Bytes(part.into) : Bytes()));
  }
}

void GoroutinePart::add_stack(Goroutine& goroutine, StackPool& stacks) {
  goroutine.has_broken_stack = !is_on_stack(goroutine);
  if (options_.stacks == StackPart::none || goroutine.has_broken_stack) return;
  goroutine.stack = stacks.add(walk_.run(goroutine, {}));
}

bool GoroutinePart::is_empty(const Goroutine& goroutine, const StackPool& stacks) {
  if (goroutine.stack == Goroutine::none) return false;
  const auto words = stacks[goroutine.stack];
  return words.size() == 1 && walk_.facts().at(words[0]).kind == CodeFact::Kind::outermost;
}

}  // namespace clew::go
