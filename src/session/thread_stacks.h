#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "lang/go/go_frames.h"
#include "session/held_goroutines.h"
#include "session/session.h"
#include "session/symbols.h"
#include "stack/namer.h"
#include "stack/unwinder.h"

namespace clew {

/// A frame of a thread's stack.
struct ChosenFrame {
  std::shared_ptr<const stack::Stack> stack;
  const stack::Frame* frame = nullptr;
  const stack::RawFrame* raw = nullptr;

  bool is_parked = false;  ///< of a goroutine that is on no thread

  /// True when its registers are those of the thread.
  bool is_innermost() const { return !is_parked && frame->physical == 0; }
};

/// The physical frames of a goroutine that is on no thread, from where it goes on. Its memory is to
/// be as it was when the goroutine was read.
stack::RawStack unwind_parked(const go::Goroutine& goroutine, const arch::Arch& arch,
                              stack::Unwinder& unwinder, MemoryReader& memory);

/// The stacks of held threads, with names, each unwound once a stop.
class ThreadStacks {
 public:
  /// All must outlive it.
  ThreadStacks(Session& session, Symbols& symbols, HeldGoroutines& goroutines)
      : session_(session), symbols_(symbols), goroutines_(goroutines) {}

  /// The whole stack of a held thread; good until the target runs. @return not_stopped, gone,
  /// unsupported for a 32-bit program.
  Result<std::shared_ptr<const stack::Stack>> stack(ThreadId id);
  /// The whole stack of a goroutine: its thread's, or that from where it is parked. @return as
  /// HeldGoroutines::find() and stack(), bad_data when its stack makes no sense.
  Result<std::shared_ptr<const stack::Stack>> goroutine_stack(uint64_t id);
  /// The innermost frames of a thread with these registers, wherever it is: for a hit, while others
  /// run. A single physical one takes no look at the stack's memory.
  std::shared_ptr<const stack::Stack> innermost(const arch::GeneralRegisters& registers,
                                                unsigned physical_frames);
  /// The physical frames behind these registers, without names, and not kept.
  stack::RawStack unwind(const arch::GeneralRegisters& registers, size_t most_frames);
  /// The selected frame of the selected thread or goroutine. The errors are the same.
  Result<ChosenFrame> selected();

 private:
  struct Kept {
    arch::GeneralRegisters registers;
    std::shared_ptr<const stack::Stack> stack;
  };
  struct Tools {
    explicit Tools(const Symbols& symbols, const arch::Arch& arch)
        : go(symbols.modules()),
          unwinder(symbols.modules(), symbols.code_mappings(), arch),
          namer(symbols.modules()) {
      if (go.has_go()) unwinder.set_runtime(&go);
    }
    go::GoFrames go;
    stack::Unwinder unwinder;
    stack::Namer namer;
  };

  Tools& tools();
  void forget_what_is_stale();

  Session& session_;
  Symbols& symbols_;
  HeldGoroutines& goroutines_;
  std::optional<Tools> tools_;
  uint64_t code_ = 0;                        ///< Symbols::generation() that tools_ are of
  uint64_t epoch_ = 0;                       ///< Session::epoch() that kept_ is of
  std::unordered_map<uint32_t, Kept> kept_;  ///< by clew's number of the thread
  std::unordered_map<uint64_t, std::shared_ptr<const stack::Stack>>
      parked_;  ///< by id of the goroutine
};

}  // namespace clew
