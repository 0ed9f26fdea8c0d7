#pragma once

#include "stack/frame.h"

namespace clew::stack {

/// What the runtime of a language has settled about a frame and unwind tables do not say.
struct RuntimeFrameFacts {
  /// A function of that runtime's language, which gives no register back to its caller but the
  /// stack pointer and the frame pointer. The latter, where the frame has room for it, is kept
  /// below the return address.
  bool is_own = false;
  bool is_outermost = false;  ///< nobody has called it, whatever lies behind its frame
  bool interrupts = false;    ///< it was not called: the frame around it was broken off
};

/// Asked by the unwinder for each frame.
class RuntimeFrames {
 public:
  virtual ~RuntimeFrames() = default;

  virtual RuntimeFrameFacts facts(const RawFrame& frame) = 0;
};

}  // namespace clew::stack
