#pragma once

#include <optional>
#include <unordered_map>

#include "session/session.h"
#include "session/symbols.h"
#include "stack/namer.h"
#include "stack/unwinder.h"

namespace clew {

/// A frame of a thread's stack. Good until the target runs.
struct ChosenFrame {
  const stack::Stack* stack = nullptr;
  const stack::Frame* frame = nullptr;
  const stack::RawFrame* raw = nullptr;

  /// True when its registers are those of the thread.
  bool is_innermost() const { return frame->physical == 0; }
};

/// The stacks of held threads, with names, each unwound once a stop.
class ThreadStacks {
 public:
  /// Both must outlive it.
  ThreadStacks(Session& session, Symbols& symbols) : session_(session), symbols_(symbols) {}

  /// The whole stack of a held thread; good until the target runs. @return not_stopped, gone,
  /// unsupported for a 32-bit program.
  Result<const stack::Stack*> stack(ThreadId id);
  /// The selected frame of the selected thread. The errors are the same.
  Result<ChosenFrame> selected();

 private:
  struct Kept {
    arch::GeneralRegisters registers;
    stack::Stack stack;
  };
  struct Tools {
    explicit Tools(const Symbols& symbols, const arch::Arch& arch)
        : unwinder(symbols.modules(), symbols.code_mappings(), arch), namer(symbols.modules()) {}
    stack::Unwinder unwinder;
    stack::Namer namer;
  };

  void forget_what_is_stale();

  Session& session_;
  Symbols& symbols_;
  std::optional<Tools> tools_;
  uint64_t code_ = 0;                        ///< Symbols::generation() that tools_ are of
  uint64_t epoch_ = 0;                       ///< Session::epoch() that kept_ is of
  std::unordered_map<uint32_t, Kept> kept_;  ///< by clew's number of the thread
};

}  // namespace clew
