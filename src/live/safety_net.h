#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "live/memory_port.h"
#include "live/trap_table.h"
#include "live/x86_64/net.h"

namespace clew::live {

/// One system call that is to be made in the target's name.
struct TargetCall {
  uint64_t number = 0;
  std::array<uint64_t, 6> arguments{};
};

/// Makes calls in the target, one after the other, up to the first that fails. @return their
/// results, each as the kernel gave it (-errno for a failure).
using CallTarget = std::function<Result<std::vector<int64_t>>(std::span<const TargetCall>)>;

/// The pages in the target that put its text back should clew die with traps in it
/// (x86_64/net_layout.h). Every change but publish_also() needs all threads held.
class SafetyNet {
 public:
  SafetyNet(MemoryPort& memory, const arch::Arch& arch) : memory_(memory), arch_(arch) {}

  bool is_installed() const { return base_.has_value(); }

  /// Maps the pages and installs the handler. `without_calls`: the target is filtered, so that the
  /// net must make no system call of its own. @return unavailable, with the reason.
  Status install(const CallTarget& call, std::optional<pid_t> held, bool without_calls);
  /// Tells the net of every trap, before they are put into the text.
  Status publish(const TrapTable& traps, std::span<const pid_t> unblocked, const CallTarget& call,
                 std::optional<pid_t> held);
  /// Tells it of one more, before that is put into the text among the others; threads may run.
  /// @return unavailable when there is no room in the table: publish() makes some.
  Status publish_also(const Trap& trap, std::optional<pid_t> held);
  /// Tells it that no trap is in the text any more.
  void withdraw(std::optional<pid_t> held);
  /// Installs the handler once more, where the kernel has reset it (kernel facts, 13).
  Status install_handler(const CallTarget& call);
  /// Puts the target's own action back and unmaps what can be unmapped, slots too. The program's
  /// own handler, if it has one, may be running below the net's: then its pages stay.
  void remove(const TrapTable& traps, const CallTarget& call);
  /// Prepares the memory of a forked child, which has a copy of everything. @return the calls that
  /// remove it there.
  std::vector<TargetCall> prepare_copy(MemoryPort& copy, const TrapTable& traps) const;
  /// The address space has gone.
  void forget();

 private:
  struct TableSpace {
    Addr start;
    uint64_t size = 0;
  };

  std::vector<TargetCall> removal(const TrapTable& traps) const;
  Status map(const CallTarget& call);
  Status read_former(const CallTarget& call);
  Status make_room(size_t traps, size_t tids, const CallTarget& call);
  TargetCall action_call(uint64_t new_action, uint64_t old_action) const;
  Status write(Addr address, Bytes bytes, std::optional<pid_t> held) {
    return memory_.write_memory(address, bytes, held);
  }

  MemoryPort& memory_;
  const arch::Arch& arch_;
  std::optional<Addr> base_;
  net::Header header_{};
  TableSpace table_;
  size_t published_ = 0;
};

}  // namespace clew::live
