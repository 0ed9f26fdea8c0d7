#pragma once

#include <functional>
#include <memory>

#include "lang/go/code_facts.h"
#include "lang/go/go_frames.h"
#include "lang/go/goroutine_reader.h"
#include "lang/go/machine_reader.h"
#include "session/go_runtime.h"
#include "session/goroutine_query.h"
#include "session/stack_capture.h"
#include "stack/groups.h"

namespace clew {

/// What is taken of a Go program besides the stacks of its threads, in the same stop, so that the
/// stacks of all goroutines can be shown after it.
class GoCapture {
 public:
  /// `modules` is what is mapped before the stop.
  GoCapture(pid_t pid, GoRuntime runtime, sym::ModuleMap modules)
      : runtime_(std::move(runtime)),
        modules_(std::move(modules)),
        reader_(pid, runtime_.layout, modules_) {}
  GoCapture(const GoCapture&) = delete;
  GoCapture& operator=(const GoCapture&) = delete;

  const GoRuntime& runtime() const { return runtime_; }

  /// Gets room, before the stop.
  void prepare(MemoryReader& memory) { reader_.prepare(memory); }

  /// Reads the goroutines with their stacks, and takes for each thread of `capture` the stacks that
  /// its own goes on on. Needs every thread held. @return false when it came to `deadline`.
  bool take(Inferior& inferior, StackCapture& capture, const std::function<pid_t(pid_t)>& inner_tid,
            const Deadline& deadline);

  // After the stop; sort() comes first.

  /// Puts the goroutines in the order of their ids. @return false when it came to the limit: then
  /// they stay as they are.
  bool sort(const Deadline& limit);

  /// Of one of the threads in the capture, by its index there; nullptr when the runtime does not
  /// have it.
  const go::Machine* machine(size_t thread) const {
    return of_thread_[thread] < machines_.size() ? &machines_[of_thread_[thread]] : nullptr;
  }
  /// The goroutines and what their numbers mean.
  GoroutineSnapshot& snapshot() { return *snapshot_; }
  /// By thread of the capture: the index in the snapshot of the goroutine that it runs.
  std::vector<std::optional<size_t>> goroutines_of_threads() const;
  /// Whether the stack of the thread that runs a goroutine has come to the goroutine's own. Where
  /// the scheduler has chosen it and not begun yet, it has not.
  bool reaches(const stack::RawStack& stack, size_t goroutine) const;
  /// Puts the stacks of those goroutines that are on no thread into `groups`, by index in the
  /// snapshot. `is_on_thread` says which have been added by their thread's stack.
  void add_parked(const std::vector<bool>& is_on_thread, stack::StackGroups& groups) const;

 private:
  stack::RawStack raw_stack(uint32_t number, go::CodeFacts& facts) const;

  GoRuntime runtime_;
  sym::ModuleMap modules_;
  go::GoroutineReader reader_;
  std::vector<go::Machine> machines_;
  std::vector<size_t> of_thread_;
  std::unique_ptr<GoroutineSnapshot> snapshot_;
};

}  // namespace clew
