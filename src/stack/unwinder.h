#pragma once

#include <vector>

#include "arch/arch.h"
#include "base/memory_reader.h"
#include "stack/code_view.h"
#include "stack/frame.h"
#include "stack/runtime_frames.h"
#include "stack/unwind_rules.h"

namespace clew::stack {

/// Finds the frames of stacks of one process. What it has once found out about a place in the code
/// it keeps, so that many threads in the same places cost little. For one thread of clew.
class Unwinder {
 public:
  /// More frames than that are not looked for unless they are asked for.
  static constexpr size_t usual_frames = 131'072;

  /// `code` as for CodeView.
  Unwinder(sym::ModuleMap modules, std::vector<os::Mapping> code, const arch::Arch& arch)
      : code_(std::move(modules), std::move(code)), arch_(arch), rules_(code_, arch) {}
  Unwinder(const Unwinder&) = delete;
  Unwinder& operator=(const Unwinder&) = delete;

  /// Has it asked for each frame from now on; nullptr for nobody. It must outlive the unwinder.
  void set_runtime(RuntimeFrames* runtime) { runtime_ = runtime; }

  /// `innermost` are all registers of a thread that is stopped, or was when `memory` was copied.
  /// There is always one frame at least. With `origin` FrameOrigin::runtime it goes on behind a
  /// call, and registers may be missing.
  RawStack unwind(const Registers& innermost, MemoryReader& memory,
                  size_t max_frames = usual_frames, FrameOrigin origin = FrameOrigin::registers);

  const CodeView& code() const { return code_; }
  const sym::ModuleMap& modules() const { return code_.modules(); }

 private:
  CodeView code_;
  const arch::Arch& arch_;
  UnwindRules rules_;
  RuntimeFrames* runtime_ = nullptr;
};

}  // namespace clew::stack
