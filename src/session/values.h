#pragma once

#include <memory>
#include <optional>

#include "session/process_target.h"
#include "session/session.h"
#include "session/thread_stacks.h"
#include "value/frame.h"

namespace clew {

/// One attached process as values see it, with its threads and frames. One for each process.
class Values final : public ProcessTarget {
 public:
  /// All must outlive it.
  Values(Session& session, Symbols& symbols, ThreadStacks& stacks, ReadNames read_names);

  Status write_memory(Addr address, Bytes data) override;

  /// The selected frame of the selected thread or goroutine, or another one of its stack. @return
  /// not_stopped, gone, unsupported, not_found.
  Result<std::shared_ptr<const value::Frame>> selected_frame(
      std::optional<size_t> level = std::nullopt);
  /// A frame of a held thread's stack. The errors are the same.
  Result<std::shared_ptr<const value::Frame>> frame(ThreadId thread, size_t level);
  /// The innermost frame of a thread that has run into a trap, with these registers.
  std::shared_ptr<const value::Frame> frame_of(ThreadId thread,
                                               const arch::GeneralRegisters& registers);
  /// The same of the function whose code it is, also where a copy of another was inlined.
  std::shared_ptr<const value::Frame> function_frame_of(ThreadId thread,
                                                        const arch::GeneralRegisters& registers);

  /// The registers of a held thread; those given are as they were when it ran into a trap.
  std::shared_ptr<const value::ThreadState> thread(
      ThreadId id, std::optional<arch::GeneralRegisters> registers = std::nullopt);

  Session& session() { return session_; }

 private:
  Session& session_;
  ThreadStacks& stacks_;
};

}  // namespace clew
