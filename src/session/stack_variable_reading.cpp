#include "session/stack_variable_reading.h"

#include <algorithm>

#include "session/live_thread.h"
#include "session/thread_stacks.h"

namespace clew {

StackVariableReading::StackVariableReading(StackVariableReader& reader, CopiedStacks& stacks,
                                           GoCapture* go, std::function<bool()> is_given_up)
    : reader_(reader), stacks_(stacks), go_(go), is_given_up_(std::move(is_given_up)) {
  if (go_ == nullptr) return;
  thread_of_goroutine_.resize(go_->snapshot().found.all.size());
  const auto runs = go_->goroutines_of_threads();
  for (size_t thread = 0; thread < runs.size(); ++thread) {
    if (runs[thread]) thread_of_goroutine_[*runs[thread]] = thread;
  }
}

StackVariables StackVariableReading::read_thread(
    size_t thread, const std::shared_ptr<const value::ThreadState>& state,
    const Deadline& deadline) {
  const auto stack =
      std::make_shared<const stack::Stack>(stacks_.namer().name(stacks_.walk(thread)));
  return reader_.read(stack, state, deadline, is_given_up_);
}

StackVariables StackVariableReading::read_parked(const go::Goroutine& goroutine,
                                                 MemoryReader& memory, const Deadline& deadline) {
  stack::RawStack raw = unwind_parked(goroutine, arch::native(), stacks_.unwinder(), memory);
  // The places that are shown were found by another walk, over a copy.
  const auto places = go_->snapshot().found.stacks[goroutine.stack];
  const bool is_same =
      std::equal(places.begin(), places.end(), raw.frames.begin(), raw.frames.end(),
                 [](const go::StackWord& word, const stack::RawFrame& frame) {
                   return word.pc() == frame.pc;
                 });
  if (!is_same) {
    StackVariables none;
    none.missing = "its stack reads differently by its unwind tables";
    return none;
  }
  const auto stack = std::make_shared<const stack::Stack>(stacks_.namer().name(std::move(raw)));
  // On no thread: nothing is known but what its stack has.
  return reader_.read(stack, std::make_shared<value::ThreadState>(), deadline, is_given_up_);
}

StackVariables StackVariableReading::read_goroutine(size_t goroutine, Inferior* inferior,
                                                    MemoryReader& memory,
                                                    const Deadline& deadline) {
  if (const auto thread = thread_of_goroutine_[goroutine]) {
    std::shared_ptr<const value::ThreadState> state = std::make_shared<value::ThreadState>();
    if (inferior != nullptr) {
      state = std::make_shared<LiveThread>(*inferior, stacks_.threads()[*thread].thread.id,
                                           std::nullopt, [] {});
    }
    return read_thread(*thread, state, deadline);
  }
  return read_parked(go_->snapshot().found.all[goroutine], memory, deadline);
}

void StackVariableReading::rehearse(std::span<const Wanted> wanted, MemoryReader& live,
                                    const Deadline& deadline) {
  reader_.read_from(live);
  for (const Wanted& one : wanted) {
    const size_t first = one.group->threads.front();
    if (one.of == Of::threads) {
      (void)read_thread(first, std::make_shared<value::ThreadState>(), deadline);
    } else {
      (void)read_goroutine(first, nullptr, live, deadline);
    }
    if (deadline.passed() || is_given_up_()) return;
  }
}

VariablesOfStacks StackVariableReading::read(Inferior& inferior, std::span<const Wanted> wanted,
                                             const Deadline& deadline) {
  reader_.read_from(inferior);
  VariablesOfStacks all = none();
  size_t largest = 0;
  for (const Wanted& one : wanted) largest = std::max(largest, one.group->threads.size());
  for (size_t round = 0; round < largest; ++round) {
    for (const Wanted& one : wanted) {
      if (round >= one.group->threads.size()) continue;
      const size_t member = one.group->threads[round];
      StackVariables& into = one.of == Of::threads ? all.threads[member] : all.goroutines[member];
      if (deadline.passed()) {
        // Not even its stack is walked over.
        into.cut();
      } else if (one.of == Of::threads) {
        const ThreadId id = stacks_.threads()[member].thread.id;
        into = read_thread(member, std::make_shared<LiveThread>(inferior, id, std::nullopt, [] {}),
                           deadline);
      } else {
        into = read_goroutine(member, &inferior, inferior, deadline);
      }
      all.cut += into.is_cut ? 1 : 0;
    }
  }
  return all;
}

VariablesOfStacks StackVariableReading::unread(std::span<const Wanted> wanted) const {
  VariablesOfStacks all = none();
  for (const Wanted& one : wanted) {
    for (const size_t member : one.group->threads) {
      (one.of == Of::threads ? all.threads[member] : all.goroutines[member]).cut();
      ++all.cut;
    }
  }
  return all;
}

VariablesOfStacks StackVariableReading::none() const {
  VariablesOfStacks all;
  all.threads.resize(stacks_.threads().size());
  all.goroutines.resize(thread_of_goroutine_.size());
  return all;
}

}  // namespace clew
