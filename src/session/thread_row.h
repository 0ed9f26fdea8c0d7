#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "arch/arch.h"
#include "inferior/inferior.h"
#include "os/proc_dir.h"
#include "os/syscall_format.h"
#include "session/code_map.h"
#include "session/symbols.h"
#include "session/thread_survey.h"

namespace clew {

/// One line of the table of threads: what is known of a thread, with nothing formatted but what
/// needs the target.
struct ThreadRow {
  uint32_t number = 0;
  pid_t tid = 0;
  pid_t inner_tid = 0;  ///< as the target's own pid namespace numbers it; 0 when that is ours
  std::string name;
  char state = '?';    ///< of /proc, before clew stopped it
  char state_now = 0;  ///< of /proc while held; 0 when it was not asked
  int cpu = -1;
  ThreadActivity activity = ThreadActivity::running;
  bool current = false;
  bool frozen = false;  ///< it stays held while the others run
  std::optional<uint64_t> pc;
  std::string where;                    ///< module+offset of the pc
  NamedPlace place;                     ///< the same by name, as far as add_names() knows it
  std::optional<os::SyscallCall> call;  ///< the system call that it is in
  std::string waits_in;    ///< the call with its arguments decoded, or the kernel's wait channel
  std::string error;       ///< why it could not be looked at
  uint64_t goroutine = 0;  ///< id of the one that it runs, in a Go program; 0 for none
};

/// The numbers that threads have in the target's own pid namespace, by the ones that they have in
/// ours; empty when those are the same.
std::unordered_map<pid_t, pid_t> read_inner_tids(const os::ProcDir& proc,
                                                 std::span<const pid_t> tids);

/// Facts for rows that need no stop, collected before one.
class RowBuilder {
 public:
  RowBuilder(const os::ProcDir& proc, const arch::Arch& arch);

  /// Reads what /proc says of each thread before the stop: name, state, CPU.
  void start_survey(std::span<const pid_t> tids);
  /// Call before the target is stopped.
  void finish_survey();
  /// Those of the survey that ran or waited for a CPU.
  std::vector<pid_t> running() const;
  /// Reads the mappings of code.
  void read_code_map();
  /// Takes them from somebody who has read them.
  void set_code(const std::vector<os::Mapping>& code) { code_map_ = CodeMap(code); }

  ThreadRow row(ThreadId id) const;
  /// The number that a thread of the survey has in the target's own pid namespace.
  pid_t inner_tid(pid_t tid) const {
    const auto found = inner_tids_.find(tid);
    return found == inner_tids_.end() ? tid : found->second;
  }
  /// Fills pc, where and call from a thread's registers.
  void add_registers(ThreadRow& row, const arch::GeneralRegisters& registers) const;
  /// Fills the same from /proc/PID/task/TID/syscall, with no stop, and the wait channel.
  void add_from_proc(ThreadRow& row) const;
  /// Formats the call of each row. May run after the target was let go: only memory and descriptors
  /// that the call names are read. `read_memory` may be empty.
  void decode_calls(std::vector<ThreadRow>& rows,
                    const std::function<bool(uint64_t, std::span<std::byte>)>& read_memory) const;
  /// Names the place of each row. May run after the target was let go; an address that many threads
  /// stand at is looked up once.
  static void add_names(std::vector<ThreadRow>& rows, Symbols& symbols);
  /// Asks /proc for the state of each thread now.
  void add_state_now(std::vector<ThreadRow>& rows) const;

  const CodeMap& code_map() const { return code_map_; }

 private:
  const os::ProcDir& proc_;
  const arch::Arch& arch_;
  std::unique_ptr<ThreadSurvey> survey_;
  std::unordered_map<pid_t, pid_t> inner_tids_;
  CodeMap code_map_;
};

}  // namespace clew
