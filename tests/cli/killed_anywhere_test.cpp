// clew is killed at each system call by which it does something to the target, one run for each:
// between any two of them the target must be able to live without it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "support.h"

namespace clew::test {
namespace {

/// A run of clew under the test's own ptrace, killed when its main thread, which makes all calls
/// that concern the target, is about to make the one with that number, or has just made it.
class KilledRun {
 public:
  enum class When { before, after };
  /// From where it counts: the start, or the first time that it writes into the target's memory,
  /// when all threads are held.
  enum class From { start, first_write };

  KilledRun(const Strings& arguments, unsigned number, When when, From from = From::start) {
    const pid_t pid = fork();
    if (pid == 0) exec(arguments);
    int status = 0;
    unsigned calls = 0;
    bool at_entry = false;
    bool counts = from == From::start;
    waitpid(pid, &status, 0);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    int signal = 0;
    for (;;) {
      ptrace(PTRACE_SYSCALL, pid, 0, signal);
      signal = 0;
      if (waitpid(pid, &status, 0) != pid) break;
      if (!WIFSTOPPED(status)) {
        has_ended = true;
        break;
      }
      if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
        signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        continue;
      }
      at_entry = !at_entry;
      const uint64_t call = number_of_call(pid);
      counts = counts || call == SYS_pwrite64;
      if (counts && at_entry == (when == When::before) && does_something(call) &&
          ++calls == number) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        break;
      }
    }
  }

  bool has_ended = false;  ///< before it came to that call

 private:
  [[noreturn]] static void exec(const Strings& arguments) {
    std::vector<const char*> words{CLEW_BINARY};
    for (const std::string& argument : arguments) words.push_back(argument.c_str());
    words.push_back(nullptr);
    const int nowhere = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) dup2(nowhere, fd);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(words[0], const_cast<char* const*>(words.data()));
    _exit(127);
  }

  static uint64_t number_of_call(pid_t pid) {
    user_regs_struct registers{};
    ptrace(PTRACE_GETREGS, pid, 0, &registers);
    return registers.orig_rax;
  }

  static bool does_something(uint64_t call) {
    return call == SYS_ptrace || call == SYS_pwrite64 || call == SYS_wait4 || call == SYS_waitid ||
           call == SYS_tgkill;
  }
};

/// Every one in a stress run, else one of some, not always the same.
unsigned next_number(unsigned number) { return number + rounds(1 + random_up_to(16), 1); }

/// What a thread blocks. SIGTRAP is let in while traps are set, and stays so until the safety net
/// has worked, which in code that nobody runs is never.
uint64_t blocked_by(const TaskState& task) {
  return std::stoull(task.blocked, nullptr, 16) & ~(uint64_t{1} << (SIGTRAP - 1));
}

std::map<pid_t, uint64_t> blocked_of(pid_t pid) {
  std::map<pid_t, uint64_t> blocked;
  for (const TaskState& task : tasks_of(pid)) blocked[task.tid] = blocked_by(task);
  return blocked;
}

void expect_left_alone(pid_t pid, const std::map<pid_t, uint64_t>& blocked) {
  EXPECT_TRUE(await(5s, [&] { return is_untraced(pid); }));
  EXPECT_TRUE(await(5s, [&] {
    const std::string states = states_of(pid);
    return states.find_first_of("tT") == std::string::npos && blocked_of(pid) == blocked;
  })) << states_of(pid);
}

constexpr KilledRun::When moments[] = {KilledRun::When::before, KilledRun::When::after};

TEST(KilledAnywhere, ThreadsThatRunGoOn) {
  for (const KilledRun::When when : moments) {
    for (unsigned number = 1;; number = next_number(number)) {
      SCOPED_TRACE(number);
      Fixture target("sleepers", {"3", "--hot", "2"});
      const auto blocked = blocked_of(target.pid());
      const KilledRun run(
          {"attach", std::to_string(target.pid()), "--batch", "-x", "tbreak hot_function if i > 2",
           "-x", "break hot_function if i < 0", "-x", "continue", "-x", "finish", "-x", "next",
           "-x", "stepi 3", "-x", "call (int)getpid()", "-x", "delete"},
          number, when);
      expect_left_alone(target.pid(), blocked);
      const auto calls = [&] {
        const json answer = target.send("hot");
        return answer.is_object() ? answer.value("hot_calls", 0UL) : 0;
      };
      const unsigned long before = calls();
      EXPECT_TRUE(await(5s, [&] { return calls() > before; })) << states_of(target.pid());
      EXPECT_TRUE(target.stop().is_object());
      if (HasFailure() || run.has_ended) break;
    }
  }
}

// Only from there on: a stop breaks such a call off, and clew, who makes that good when it sees it,
// may die in between.
TEST(KilledAnywhere, CallsThatAreAsleepAreNotBrokenOff) {
  for (const KilledRun::When when : moments) {
    for (unsigned number = 1;; number = next_number(number)) {
      SCOPED_TRACE(number);
      Fixture target("eintr");
      const auto blocked = blocked_of(target.pid());
      const KilledRun run(
          {"attach", std::to_string(target.pid()), "--batch", "-x", "break getpid", "-x",
           "thread 2", "-x", "call (int)getppid()", "-x", "call (int)getppid()", "-x", "delete"},
          number, when, KilledRun::From::first_write);
      expect_left_alone(target.pid(), blocked);
      const json counts = target.stop();
      ASSERT_TRUE(counts.is_object()) << "the target has died";
      for (const auto& [name, times] : counts["eintr"].items()) EXPECT_EQ(times, 0) << name;
      EXPECT_EQ(counts["other"], 0) << counts;
      if (HasFailure() || run.has_ended) break;
    }
  }
}

TEST(KilledAnywhere, ChildrenThatAreForkedMeanwhileEndWell) {
  for (unsigned number = 1;; number = next_number(number)) {
    SCOPED_TRACE(number);
    Fixture target("forker", {"1000"});
    // The condition is met with the fourth child.
    const KilledRun run({"attach", std::to_string(target.pid()), "--batch", "-x", "break waitpid",
                         "-x", "break _exit", "-x", "ignore 1 3", "-x", "continue", "-x", "delete"},
                        number, KilledRun::When::before);
    const json now = target.send("count");
    ASSERT_TRUE(now.is_object()) << "the target has died";
    EXPECT_TRUE(await(5s, [&] {
      const json later = target.send("count");
      return later["forks"] > now["forks"] && later["vforks"] > now["vforks"];
    })) << states_of(target.pid());
    const json last = target.stop();
    ASSERT_TRUE(last.is_object()) << "the target has died";
    EXPECT_EQ(last["bad_status"], 0);
    if (HasFailure() || run.has_ended) break;
  }
}

}  // namespace
}  // namespace clew::test
