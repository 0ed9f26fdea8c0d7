#include "session/lock_owner.h"

#include <linux/futex.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "os/syscall_table.h"
#include "session/thread_row.h"

namespace clew {
namespace {

/// The head of glibc's pthread_mutex_t (sysdeps/x86/nptl/bits/struct_mutex.h).
struct MutexHead {
  uint32_t lock, count, owner, users, kind;
};
constexpr uint32_t contended = 2;      // lll_lock: locked, and somebody waits
constexpr uint32_t kind_bits = 0x1ff;  // what pthread_mutexattr_t can ask for, elision included
constexpr uint32_t robust_kind = 0x10;

struct FutexCall {
  uint64_t address = 0;
  unsigned operation = 0;
  uint32_t expected = 0;
};

/// "202 0xADDRESS 0xOPERATION 0xVALUE …" (proc_pid_syscall(5)).
std::optional<FutexCall> futex_call(const os::ProcDir& proc, pid_t tid) {
  std::string buffer(512, '\0');
  const auto line = proc.read_task(tid, "syscall", buffer);
  if (!line) return std::nullopt;
  std::array<uint64_t, 4> numbers{};
  std::string_view rest = *line;
  for (uint64_t& number : numbers) {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const bool is_hex = rest.starts_with("0x");
    if (is_hex) rest.remove_prefix(2);
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, is_hex ? 16 : 10);
    if (error != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  if (numbers[0] != os::syscall_number("futex")) return std::nullopt;
  return FutexCall{numbers[1],
                   static_cast<unsigned>(numbers[2]) & static_cast<unsigned>(FUTEX_CMD_MASK),
                   static_cast<uint32_t>(numbers[3])};
}

/// The thread of that number in the target's own pid namespace, which is what locks keep.
std::optional<ThreadId> thread_of(const os::ProcDir& proc, std::span<const Thread> threads,
                                  uint32_t tid) {
  if (tid == 0) return std::nullopt;
  std::vector<pid_t> tids;
  for (const Thread& thread : threads) tids.push_back(thread.id.tid);
  const auto inner = read_inner_tids(proc, tids);
  const auto found = std::find_if(threads.begin(), threads.end(), [&](const Thread& thread) {
    const auto other = inner.find(thread.id.tid);
    const pid_t number = other == inner.end() ? thread.id.tid : other->second;
    return static_cast<uint32_t>(number) == tid;
  });
  return found == threads.end() ? std::nullopt : std::optional(found->id);
}

}  // namespace

std::optional<AwaitedLock> awaited_lock(const os::ProcDir& proc, MemoryReader& memory,
                                        std::span<const Thread> threads, ThreadId waiter) {
  const auto call = futex_call(proc, waiter.tid);
  const auto head = call ? memory.read<MutexHead>({call->address})
                         : Result<MutexHead>(fail(ErrorCode::not_found, ""));
  if (!head) return std::nullopt;
  const auto owned_by = [&](uint32_t tid) -> std::optional<AwaitedLock> {
    const auto owner = thread_of(proc, threads, tid);
    return AwaitedLock{{call->address}, owner};
  };
  switch (call->operation) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      // The kernel itself keeps the owner there (futex(2), priority-inheritance futexes).
      return owned_by(head->lock & uint32_t{FUTEX_TID_MASK});
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      break;
    default:
      return std::nullopt;
  }
  // Condition variables, semaphores and joins wait in the same call: only what looks like a mutex
  // in all its parts, with the number of a living thread, is one.
  const bool is_robust = (head->kind & robust_kind) != 0;
  const uint32_t in_lock = head->lock & uint32_t{FUTEX_TID_MASK};
  const bool is_mutex =
      (head->kind & ~kind_bits) == 0 && head->users != 0 && head->owner != 0 &&
      (is_robust ? in_lock == head->owner : head->lock == contended && call->expected == contended);
  if (!is_mutex) return std::nullopt;
  auto lock = owned_by(head->owner);
  return lock->owner ? lock : std::nullopt;
}

}  // namespace clew
