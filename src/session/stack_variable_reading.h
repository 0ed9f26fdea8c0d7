#pragma once

#include <functional>
#include <span>
#include <vector>

#include "session/copied_stacks.h"
#include "session/frame_variables.h"
#include "session/go_capture.h"
#include "stack/groups.h"

namespace clew {

/// The variables of all stacks of one stop, by the index that a StackGroup calls them by.
struct VariablesOfStacks {
  std::vector<StackVariables> threads, goroutines;
  size_t cut = 0;  ///< of so many stacks not all were read, for want of time

  bool is_empty() const { return threads.empty() && goroutines.empty(); }
};

/// Reads the variables of the threads and goroutines of one capture. In each round one stack of
/// each group is read, so that something is known of every group when time is up.
class StackVariableReading {
 public:
  enum class Of : uint8_t { threads, goroutines };
  struct Wanted {
    const stack::StackGroup* group = nullptr;
    Of of = Of::threads;
  };

  /// `go` is nullptr for a program without goroutines. All must outlive it.
  StackVariableReading(StackVariableReader& reader, CopiedStacks& stacks, GoCapture* go,
                       std::function<bool()> is_given_up);

  /// Reads the first stack of each group, for the sake of the debug information that it takes: the
  /// process may run meanwhile, and what is read is forgotten. `live` is its memory.
  void rehearse(std::span<const Wanted> wanted, MemoryReader& live, const Deadline& deadline);

  /// Needs the stop that the capture is of.
  VariablesOfStacks read(Inferior& inferior, std::span<const Wanted> wanted,
                         const Deadline& deadline);
  /// What read() gives where there is no time for anything.
  VariablesOfStacks unread(std::span<const Wanted> wanted) const;

 private:
  VariablesOfStacks none() const;
  StackVariables read_thread(size_t thread, const std::shared_ptr<const value::ThreadState>& state,
                             const Deadline& deadline);
  StackVariables read_goroutine(size_t goroutine, Inferior* inferior, MemoryReader& memory,
                                const Deadline& deadline);
  StackVariables read_parked(const go::Goroutine& goroutine, MemoryReader& memory,
                             const Deadline& deadline);

  StackVariableReader& reader_;
  CopiedStacks& stacks_;
  GoCapture* go_;
  std::function<bool()> is_given_up_;
  std::vector<std::optional<size_t>> thread_of_goroutine_;
};

}  // namespace clew
