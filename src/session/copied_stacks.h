#pragma once

#include <vector>

#include "lang/go/go_frames.h"
#include "session/go_capture.h"
#include "session/stack_capture.h"
#include "stack/namer.h"
#include "stack/unwinder.h"

namespace clew {

/// Walks over the stacks of a StackCapture, whether the target runs again by now or not.
class CopiedStacks {
 public:
  /// `live` gives the code. `go` is nullptr for a program without goroutines. All must outlive it.
  CopiedStacks(const StackCapture& capture, const GoCapture* go, const sym::ModuleMap& modules,
               std::vector<os::Mapping> code, MemoryReader& live);

  const std::vector<StackCapture::Captured>& threads() const { return capture_.threads(); }
  /// Of a thread whose registers were taken, by its index in the capture.
  stack::RawStack walk(size_t thread);
  stack::Unwinder& unwinder() { return unwinder_; }
  stack::Namer& namer() { return namer_; }

 private:
  const StackCapture& capture_;
  const GoCapture* go_;
  MemoryReader& live_;
  go::GoFrames go_frames_;
  stack::Unwinder unwinder_;
  stack::Namer namer_;
};

}  // namespace clew
