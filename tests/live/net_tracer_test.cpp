// A small tracer steps over traps by slots and is killed at a random moment: the target has the
// safety net and must not notice.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "net_in_self.h"
#include "support.h"

namespace clew::test {
namespace {

constexpr int hot_count = 20;
constexpr int hot_threads = 4;

struct Shared {
  std::atomic<pid_t> target;
  std::atomic<uint64_t> header;  ///< where its net is
  std::atomic<bool> is_seized, is_planted, is_over;
  std::atomic<uint64_t> hits;
  std::array<std::atomic<uint64_t>, hot_count> calls;
  std::atomic<uint64_t> trapped_function;
};
Shared* shared = nullptr;

[[gnu::noinline]] uint64_t mix(uint64_t a, uint64_t b) { return a * 31 + b; }

template <int n>
[[gnu::noinline]] void hot() {
  const uint64_t before = shared->calls[n].fetch_add(1, std::memory_order_relaxed);
  if (mix(before, n + 1) == 0) shared->calls[n] = 0;
}

using Function = void (*)();
template <int... n>
std::array<Function, sizeof...(n)> all_of(std::integer_sequence<int, n...>) {
  return {&hot<n>...};
}
const auto functions = all_of(std::make_integer_sequence<int, hot_count>());

void await_flag(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

/// @return what has gone wrong in the target.
std::string run_target(bool with_traps) {
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  NetInSelf net;
  if (with_traps) {
    for (const auto function : functions) net.add_function(function);
  }
  net.install();
  std::array<std::thread, hot_threads> threads;
  std::array<uint64_t, hot_threads> rounds_made{};
  std::atomic<bool> is_last = false;
  std::atomic<int> begun = 0;
  for (size_t i = 0; i < hot_threads; ++i) {
    threads[i] = std::thread([&, i] {
      ++begun;
      for (bool last = false; !last;) {
        // The last time round begins after the tracer's death, and meets every trap.
        last = is_last;
        for (const auto function : functions) function();
        ++rounds_made[i];
      }
    });
  }
  // A thread that is being born blocks every signal, and a step or trap kills it (notes 13, 31).
  while (begun != hot_threads) std::this_thread::yield();
  shared->header = reinterpret_cast<uint64_t>(&net.header());
  shared->trapped_function = reinterpret_cast<uint64_t>(functions[3]);
  shared->target = getpid();
  await_flag(shared->is_seized);
  net.plant();
  shared->is_planted = true;
  await_flag(shared->is_over);
  is_last = true;
  uint64_t wanted = 0;
  for (size_t i = 0; i < hot_threads; ++i) {
    threads[i].join();
    wanted += rounds_made[i];
  }
  for (const auto& count : shared->calls) {
    if (count != wanted) return fmt::format("{} calls, not {}", count.load(), wanted);
  }
  if (with_traps && net.header().state != live::net::restored) return "the net has not worked";
  return net.text_difference();
}

void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

std::vector<pid_t> seize_all(pid_t pid) {
  std::vector<pid_t> tids;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    tids.push_back(std::stoi(entry.path().filename()));
    check(ptrace(PTRACE_SEIZE, tids.back(), 0, 0) == 0, "SEIZE");
  }
  return tids;
}

std::vector<live::net::Trap> read_table(pid_t pid) {
  live::net::Header header{};
  const auto read = [&](uint64_t from, void* into, size_t size) {
    iovec local{into, size};
    iovec remote{reinterpret_cast<void*>(from), size};  // NOLINT(performance-no-int-to-ptr)
    check(process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size), "read");
  };
  read(shared->header, &header, sizeof header);
  std::vector<live::net::Trap> traps(header.trap_count);
  read(header.traps, traps.data(), traps.size() * sizeof traps[0]);
  return traps;
}

/// Where the thread goes on: its slot, if it has met one of the traps.
bool step_over(pid_t tid, const std::vector<live::net::Trap>& traps) {
  user_regs_struct registers{};
  if (ptrace(PTRACE_GETREGS, tid, 0, &registers) != 0) return false;
  for (const auto& trap : traps) {
    if (trap.address + 1 != registers.rip) continue;
    registers.rip = trap.slot;
    return ptrace(PTRACE_SETREGS, tid, 0, &registers) == 0;
  }
  return false;
}

/// Handles hits until it is killed. Stops are looked at with WNOWAIT and never waited for
/// otherwise: until the resume the signal is then still the kernel's to deliver.
[[noreturn]] void trace_hits(pid_t pid) {
  seize_all(pid);
  shared->is_seized = true;
  await_flag(shared->is_planted);
  const auto traps = read_table(pid);
  for (;;) {
    siginfo_t info{};
    check(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL) == 0, "waitid");
    check(info.si_code == CLD_TRAPPED, "a thread has died");
    const bool is_hit = info.si_status == SIGTRAP && step_over(info.si_pid, traps);
    const int signal = is_hit ? 0 : info.si_status & 0x7F;
    check(ptrace(PTRACE_CONT, info.si_pid, 0, signal) == 0, "CONT");
    if (is_hit) ++shared->hits;
  }
}

/// The main thread's tid is the first; the others are hot.
pid_t stop_one(const std::vector<pid_t>& tids) {
  const pid_t tid = tids.back();
  check(ptrace(PTRACE_INTERRUPT, tid, 0, 0) == 0, "INTERRUPT");
  int status = 0;
  check(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status), "wait");
  return tid;
}

void set_debug_register(pid_t tid, size_t number, uint64_t value) {
  const size_t offset = offsetof(struct user, u_debugreg) + number * 8;
  check(ptrace(PTRACE_POKEUSER, tid, offset, value) == 0, "POKEUSER");
}

class NetTracer : public testing::Test {
 protected:
  NetTracer() {
    shared = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) Shared{};
  }
  ~NetTracer() override { munmap(shared, sizeof(Shared)); }

  /// Runs a target and a tracer; kills the tracer after so many hits, or waits for its own end.
  static void run(bool with_traps, uint64_t hits, const std::function<void(pid_t)>& trace) {
    new (shared) Shared{};
    std::thread supervisor([&] {
      while (shared->target == 0) std::this_thread::yield();
      const pid_t tracer = fork();
      if (tracer == 0) {
        try {
          trace(shared->target);
          _exit(0);
        } catch (const std::exception& error) {
          fmt::print(stderr, "the tracer: {}: {}\n", error.what(), errno_text(errno));
          _exit(1);
        }
      }
      if (with_traps) {
        while (shared->hits < hits && waitpid(tracer, nullptr, WNOHANG) == 0)
          std::this_thread::yield();
        kill(tracer, SIGKILL);
      }
      waitpid(tracer, nullptr, 0);
      shared->is_over = true;
    });
    const auto end = in_child([&] { return run_target(with_traps); });
    supervisor.join();
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.status, 0) << "as waitpid tells it";
  }
};

TEST_F(NetTracer, KilledAtAnyMoment) {
  for (unsigned round = 0; round < rounds(30, 1000) && !HasFailure(); ++round) {
    run(true, 1 + random_up_to(3000), trace_hits);
  }
}

TEST_F(NetTracer, EndsInTheMiddleOfAStep) {
  for (const bool waits : {false, true}) {
    run(false, 0, [&](pid_t pid) {
      const pid_t tid = stop_one(seize_all(pid));
      for (int i = 0; i < 5; ++i) {
        check(ptrace(PTRACE_SINGLESTEP, tid, 0, 0) == 0, "SINGLESTEP");
        if (i == 4 && !waits) break;
        check(waitpid(tid, nullptr, __WALL) == tid, "wait");
      }
      shared->is_seized = true;
    });
  }
}

TEST_F(NetTracer, LeavesAWatchpoint) {
  run(false, 0, [](pid_t pid) {
    const pid_t tid = stop_one(seize_all(pid));
    set_debug_register(tid, 0, reinterpret_cast<uint64_t>(&shared->calls[5]));
    set_debug_register(tid, 7, 0x90001);  // slot 0: writes, 8 bytes (Intel SDM volume 3, 18.2.4)
    shared->is_seized = true;
  });
}

TEST_F(NetTracer, LeavesAHardwareBreakpoint) {
  run(false, 0, [](pid_t pid) {
    const pid_t tid = stop_one(seize_all(pid));
    set_debug_register(tid, 0, shared->trapped_function);
    set_debug_register(tid, 7, 1);  // slot 0: execution
    shared->is_seized = true;
  });
}

}  // namespace
}  // namespace clew::test
