#pragma once

#include <functional>
#include <optional>

#include "inferior/inferior.h"
#include "value/thread_state.h"

namespace clew {

/// A thread of a live process as its variables need it.
class LiveThread final : public value::ThreadState {
 public:
  /// `registers`: as they are at a hit; without them the held thread is asked. `changed` is called
  /// when one was written. What is given must outlive it.
  LiveThread(Inferior& inferior, ThreadId id, std::optional<arch::GeneralRegisters> registers,
             std::function<void()> changed)
      : inferior_(inferior), id_(id), registers_(registers), changed_(std::move(changed)) {}

  const arch::Arch& arch() const override { return inferior_.arch(); }
  Result<std::vector<std::byte>> read(const arch::RegisterInfo& info) const override;
  Status write(const arch::RegisterInfo& info, Bytes bytes) const override;
  Result<uint64_t> thread_pointer() const override;

 private:
  Inferior& inferior_;
  ThreadId id_;
  std::optional<arch::GeneralRegisters> registers_;
  std::function<void()> changed_;
};

}  // namespace clew
