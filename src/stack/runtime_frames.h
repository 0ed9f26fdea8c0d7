#pragma once

#include <optional>

#include "base/memory_reader.h"
#include "stack/frame.h"

namespace clew::stack {

/// What the runtime of a language has settled about a frame and unwind tables do not say.
struct RuntimeFrameFacts {
  /// A function of that runtime's language, which gives no register back to its caller but the
  /// stack pointer and the frame pointer. The latter, where the frame has room for it, is kept
  /// below the return address.
  bool is_own = false;
  bool is_outermost = false;    ///< nobody has called it, whatever lies behind its frame
  bool interrupts = false;      ///< it was not called: the frame around it was broken off
  bool may_note_place = false;  ///< what it returns to may be no return address: see is_noted()
};

/// Where a stack goes on behind a frame whose code has changed over from another stack.
struct StackSwitch {
  /// The registers of the caller as far as they are known, its pc and stack pointer among them;
  /// with `is_frame` those that the frame itself would have had before the change, for its tables.
  Registers registers;
  bool is_frame = false;
  bool is_exact = false;  ///< the caller's pc is an instruction itself, not the one behind a call
};

/// Asked by the unwinder for each frame.
class RuntimeFrames {
 public:
  virtual ~RuntimeFrames() = default;

  virtual RuntimeFrameFacts facts(const RawFrame& frame) = 0;
  /// True for a place in code that is never called, which the runtime has noted as where a stack
  /// goes on: the instruction itself is meant. Asked behind frames that may_note_place.
  virtual bool is_noted(Addr pc) {
    (void)pc;
    return false;
  }
  /// Told when the unwinder begins with a stack.
  virtual void begin_stack() {}
  /// @return nullopt for a frame that is left as its tables say.
  virtual std::optional<StackSwitch> switch_at(const RawFrame& frame, MemoryReader& memory) {
    (void)frame;
    (void)memory;
    return std::nullopt;
  }
};

}  // namespace clew::stack
