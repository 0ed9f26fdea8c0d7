#include "session/stack_capture.h"

#include <algorithm>
#include <cstring>

#include "base/populate.h"
#include "os/process_copy.h"

namespace clew {
namespace {

/// What every thread gets before any gets more.
constexpr uint64_t first_part = 4096;
/// A stack whose top is not known.
constexpr uint64_t most_of_uncertain = 64 << 10;
/// A top farther away than that is taken for none.
constexpr uint64_t largest_stack = 256 << 20;
/// All together, beyond the first parts: some 20 ms of copying.
constexpr uint64_t budget_of_all = 64 << 20;
constexpr size_t smallest_block = 1 << 20;
/// How deeply handlers may have interrupted each other on stacks of their own.
constexpr int most_interrupted = 4;

}  // namespace

void StackCapture::prepare(size_t threads) {
  threads_.reserve(threads + threads / 8);
  block_size_ = std::max<size_t>(threads * (first_part + arch_.frames.red_zone), smallest_block);
  block_used_ = 0;
  blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_size_));
  populate({blocks_.back().get(), block_size_});
}

MutableBytes StackCapture::room(size_t size) {
  if (block_used_ + size > block_size_) {
    block_size_ = std::max(size, smallest_block);
    block_used_ = 0;
    blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_size_));
  }
  const MutableBytes got(blocks_.back().get() + block_used_, size);
  block_used_ += size;
  return got;
}

StackCapture::Wanted StackCapture::plan(size_t thread, uint64_t sp) const {
  Wanted wanted;
  wanted.thread = thread;
  wanted.start = sp - std::min<uint64_t>(sp, arch_.frames.red_zone);
  const auto is_top = [&](uint64_t top) { return sp < top && top - sp <= largest_stack; };
  const uint64_t own_storage = threads_[thread].registers->word(arch_.thread_pointer);
  if (is_top(main_stack_top_)) {
    wanted.end = main_stack_top_;
    wanted.is_certain = true;
  } else if (is_top(own_storage)) {
    // With the first word of that storage, which says whether it is one.
    wanted.end = own_storage + sizeof own_storage;
    wanted.is_certain = true;
  } else {
    wanted.end = wanted.start + most_of_uncertain;
  }
  if (wanted.end < wanted.start) wanted.end = wanted.start;
  return wanted;
}

size_t StackCapture::read(Inferior& inferior, Addr from, MutableBytes into) {
  if (by_copy_) {
    if (const size_t size = os::copy_from_process(pid_, from, into)) return size;
  }
  const auto size = inferior.read_memory(from, into);
  if (!size) return 0;
  // The kernel refuses the other call altogether.
  by_copy_ = false;
  return *size;
}

void StackCapture::copy(Inferior& inferior, Wanted& wanted, uint64_t most) {
  const uint64_t limit = std::min(wanted.end - wanted.start, most);
  if (wanted.is_broken_off || wanted.done >= limit) return;
  Addr from{wanted.start + wanted.done};
  const MutableBytes into = room(limit - wanted.done);
  size_t size = read(inferior, from, into);
  if (size == 0 && wanted.done == 0) {
    // A stack that has overflowed: its pointer is just below what there is.
    wanted.start = (wanted.start + page_size) & ~(page_size - 1);
    from = {wanted.start};
    size = read(inferior, from, into.first(std::min(into.size(), wanted.end - wanted.start)));
  }
  // What was not used goes back.
  block_used_ -= into.size() - size;
  wanted.is_broken_off = size < into.size();
  wanted.done += size;
  copied_ += size;
  if (size > 0) threads_[wanted.thread].memory.push_back({from, into.first(size)});
}

/// Before much is copied: is there a thread's own storage at the top?
void StackCapture::check_top(Inferior& inferior, Wanted& wanted) const {
  if (!wanted.is_certain || wanted.end == main_stack_top_ ||
      wanted.end - wanted.start <= most_of_uncertain) {
    return;
  }
  const uint64_t top = wanted.end - sizeof(uint64_t);
  const auto word = inferior.read<uint64_t>({top});
  if (!word || *word != top) wanted.end = wanted.start + most_of_uncertain;
}

/// The stack pointer of what the signal has interrupted whose handler runs on the alternate stack
/// that `sp` is in. The kernel puts a description of that stack into the signal's frame, which says
/// whether what looks like a frame is one.
std::optional<uint64_t> StackCapture::interrupted_sp(const Captured& captured, uint64_t sp) const {
  const arch::FrameFacts& facts = arch_.frames;
  const auto saved_sp =
      std::find_if(facts.signal_registers.begin(), facts.signal_registers.end(),
                   [&](const arch::SignalRegister& r) { return r.dwarf == facts.stack_pointer; });
  for (const stack::MemoryCopy& part : captured.memory) {
    if (sp < part.start.value || sp - part.start.value >= part.bytes.size()) continue;
    const auto word_at = [&](size_t offset) {
      uint64_t word = 0;
      std::memcpy(&word, part.bytes.data() + offset, sizeof word);
      return word;
    };
    const size_t last =
        std::min<size_t>(part.bytes.size(), sp - part.start.value + most_of_uncertain);
    const size_t first = ((sp + 7) & ~uint64_t{7}) - part.start.value;
    for (size_t at = first; at + saved_sp->offset + 8 <= last; at += 8) {
      const uint64_t base = word_at(at + facts.signal_stack_address);
      const uint64_t size = word_at(at + facts.signal_stack_size);
      const uint64_t frame = part.start.value + at;
      if (base == 0 || sp < base || frame - base >= size || size > largest_stack) continue;
      const uint64_t interrupted = word_at(at + saved_sp->offset);
      if (interrupted != 0 && (interrupted < base || interrupted - base >= size))
        return interrupted;
    }
  }
  return std::nullopt;
}

void StackCapture::copy_interrupted(Inferior& inferior, const Wanted& wanted) {
  uint64_t sp = wanted.start + arch_.frames.red_zone;
  for (int i = 0; i < most_interrupted; ++i) {
    const auto next = interrupted_sp(threads_[wanted.thread], sp);
    if (!next) return;
    const auto& memory = threads_[wanted.thread].memory;
    const bool is_there =
        std::any_of(memory.begin(), memory.end(), [&](const stack::MemoryCopy& part) {
          return *next >= part.start.value && *next - part.start.value < part.bytes.size();
        });
    if (is_there) return;
    Wanted other = plan(wanted.thread, *next);
    copy(inferior, other, other.is_certain ? largest_stack / 32 : most_of_uncertain);
    sp = *next;
  }
}

bool StackCapture::take(Inferior& inferior, const Deadline& deadline) {
  std::vector<Wanted> deep;
  for (const Thread& thread : inferior.threads()) {
    Captured& captured = threads_.emplace_back(Captured{thread, {}, {}});
    if (!is_held(thread.activity) || deadline.passed()) continue;
    const auto registers = inferior.general(thread.id);
    if (!registers) continue;
    captured.registers = **registers;
    Wanted wanted = plan(threads_.size() - 1, arch_.sp_of(**registers));
    copy(inferior, wanted, first_part);
    if (wanted.end - wanted.start > first_part || !wanted.is_certain) deep.push_back(wanted);
  }
  uint64_t left = budget_of_all;
  for (const uint64_t most : {most_of_uncertain, largest_stack}) {
    for (Wanted& wanted : deep) {
      if (deadline.passed()) break;
      if (most == largest_stack) check_top(inferior, wanted);
      const uint64_t before = wanted.done;
      copy(inferior, wanted, std::min(most, wanted.done + left));
      left -= std::min(left, wanted.done - before);
    }
  }
  for (const Wanted& wanted : deep) {
    if (deadline.passed()) break;
    copy_interrupted(inferior, wanted);
  }
  return !deadline.passed();
}

void StackCapture::take_more(Inferior& inferior, size_t thread, uint64_t start, uint64_t end) {
  constexpr uint64_t most_at_once = 16 << 20;
  if (start >= end || end - start > largest_stack) return;
  end = std::min(end, start + most_at_once);
  // What is there already stays as it is: copies do not overlap.
  std::vector<std::pair<uint64_t, uint64_t>> there;
  for (const stack::MemoryCopy& part : threads_[thread].memory)
    there.emplace_back(part.start.value, part.start.value + part.bytes.size());
  std::sort(there.begin(), there.end());
  there.emplace_back(end, end);
  for (const auto& [taken_start, taken_end] : there) {
    if (taken_start > start) {
      Wanted wanted;
      wanted.thread = thread;
      wanted.start = start;
      wanted.end = std::min(taken_start, end);
      copy(inferior, wanted, most_at_once);
    }
    start = std::max(start, taken_end);
    if (start >= end) return;
  }
}

}  // namespace clew
