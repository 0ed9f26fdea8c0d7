#include "session/go_capture.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew {
namespace {

/// As deep as stacks of threads are walked.
constexpr size_t most_frames = 131'072;
/// What a thread has on its own stack below a call from C into Go.
constexpr uint64_t most_of_system_stack = 256 << 10;

}  // namespace

bool GoCapture::take(Inferior& inferior, StackCapture& capture,
                     const std::function<pid_t(pid_t)>& inner_tid, const Deadline& deadline) {
  const int64_t stopped_at = Clock::now().time_since_epoch().count();
  machines_ = go::read_machines(inferior, runtime_.layout);
  const arch::Arch& arch = inferior.arch();
  for (size_t i = 0; i < capture.threads().size(); ++i) {
    const StackCapture::Captured& captured = capture.threads()[i];
    const auto tid = static_cast<uint64_t>(inner_tid(captured.thread.id.tid));
    const go::Machine* const machine = go::machine_of(machines_, tid);
    of_thread_.push_back(machine == nullptr ? SIZE_MAX
                                            : static_cast<size_t>(machine - machines_.data()));
    if (machine == nullptr || !captured.registers || machine->goroutine == 0) continue;
    const uint64_t sp = arch.sp_of(*captured.registers);
    const go::OwnStack& current = machine->current;
    uint64_t start = current.holds(sp) ? sp : current.saved_sp;
    // Who calls into the vdso does not save the goroutine's place: what is there is of before.
    if (!current.holds(sp) && current.holds(machine->vdso_sp))
      start = current.holds(start) ? std::min(start, machine->vdso_sp) : machine->vdso_sp;
    if (current.holds(start)) capture.take_more(inferior, i, start, current.high);
    const go::OwnStack& system = machine->system;
    if (system.holds(system.saved_sp)) {
      capture.take_more(inferior, i, system.saved_sp,
                        std::min(system.high, system.saved_sp + most_of_system_stack));
    }
  }
  go::ReadOptions options;
  options.stacks = go::StackPart::whole;
  options.most_frames = most_frames;
  options.deadline = deadline;
  snapshot_ = std::make_unique<GoroutineSnapshot>(
      modules_, reader_.read(inferior, go_threads(inferior, inner_tid), options),
      runtime_.layout.wait_reasons, stopped_at);
  return snapshot_->found.is_complete;
}

bool GoCapture::sort(const Deadline& limit) {
  auto& all = snapshot_->found.all;
  const auto by_id = [](const go::Goroutine& a, const go::Goroutine& b) { return a.id < b.id; };
  if (std::is_sorted(all.begin(), all.end(), by_id)) return true;
  // In pieces of some milliseconds, and by keys: goroutines are eight times as large.
  constexpr size_t piece = 1 << 16;
  std::vector<std::pair<uint64_t, size_t>> keys(all.size());
  for (size_t i = 0; i < all.size(); ++i) keys[i] = {all[i].id, i};
  const auto at = [&](size_t i) {
    return keys.begin() + static_cast<ptrdiff_t>(std::min(i, keys.size()));
  };
  for (size_t i = 0; i < keys.size(); i += piece) {
    if (limit.passed()) return false;
    std::sort(at(i), at(i + piece));
  }
  for (size_t width = piece; width < keys.size(); width *= 2) {
    for (size_t i = 0; i + width < keys.size(); i += 2 * width) {
      if (limit.passed()) return false;
      std::inplace_merge(at(i), at(i + width), at(i + 2 * width));
    }
  }
  std::vector<go::Goroutine> sorted;
  sorted.reserve(all.size());
  for (const auto& [id, index] : keys) {
    if (sorted.size() % piece == 0 && limit.passed()) return false;
    sorted.push_back(all[index]);
  }
  all = std::move(sorted);
  return true;
}

std::vector<std::optional<size_t>> GoCapture::goroutines_of_threads() const {
  std::unordered_map<uint64_t, size_t> wanted;  // thread by descriptor
  for (size_t i = 0; i < of_thread_.size(); ++i) {
    const go::Machine* const on = machine(i);
    if (on != nullptr && on->goroutine != 0) wanted.emplace(on->current.descriptor.value, i);
  }
  std::vector<std::optional<size_t>> found(of_thread_.size());
  const auto& all = snapshot_->found.all;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto thread = wanted.find(all[i].descriptor.value);
    if (thread != wanted.end()) found[thread->second] = i;
  }
  return found;
}

bool GoCapture::reaches(const stack::RawStack& stack, size_t goroutine) const {
  const go::Goroutine& found = snapshot_->found.all[goroutine];
  return std::any_of(stack.frames.begin(), stack.frames.end(), [&](const stack::RawFrame& frame) {
    return frame.cfa > found.stack_low && frame.cfa <= found.stack_high;
  });
}

stack::RawStack GoCapture::raw_stack(uint32_t number, go::CodeFacts& facts) const {
  stack::RawStack stack;
  const auto words = snapshot_->found.stacks[number];
  for (const go::StackWord word : words) {
    stack::RawFrame frame;
    frame.pc = word.pc();
    frame.lookup = word.lookup();
    frame.origin = stack.frames.empty() ? stack::FrameOrigin::runtime : stack::FrameOrigin::cfi;
    stack.frames.push_back(std::move(frame));
  }
  // The walk has kept places only; why it has ended can be told from the last.
  const go::CodeFact::Kind last =
      words.empty() ? go::CodeFact::Kind::unknown : facts.at(words.back()).kind;
  if (last == go::CodeFact::Kind::outermost) {
    stack.end = stack::StackEnd::outermost;
  } else if (words.size() >= most_frames) {
    stack.end = stack::StackEnd::depth_limit;
    stack.end_note = fmt::format("{} frames, and there are more", most_frames);
  } else if (last == go::CodeFact::Kind::unknown) {
    stack.end = stack::StackEnd::no_tables;
    stack.end_note = "no frame of Go code";
  } else {
    stack.end = stack::StackEnd::bad_memory;
    stack.end_note = "the stack cannot be read there";
  }
  return stack;
}

void GoCapture::add_parked(const std::vector<bool>& is_on_thread,
                           stack::StackGroups& groups) const {
  const auto& all = snapshot_->found.all;
  std::vector<std::vector<size_t>> by_stack(snapshot_->found.stacks.size());
  for (size_t i = 0; i < all.size(); ++i) {
    if (!is_on_thread[i] && all[i].stack < by_stack.size()) by_stack[all[i].stack].push_back(i);
  }
  go::CodeFacts facts(modules_);
  for (uint32_t number = 0; number < by_stack.size(); ++number) {
    if (!by_stack[number].empty()) groups.add(by_stack[number], raw_stack(number, facts));
  }
}

}  // namespace clew
