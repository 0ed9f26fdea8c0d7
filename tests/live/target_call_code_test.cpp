// The code by which a thread that makes a system call for clew goes back by itself.
#include "live/x86_64/target_call_code.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "live/code_padding.h"

namespace clew::test {
namespace {

constexpr uint64_t page = 0x50000000;
/// Where the thread "stood": a trap is there, which tells that it has come back.
constexpr uint64_t stood_at = page + 2048;
constexpr uint64_t mask = uint64_t{1} << (SIGUSR2 - 1);

class TargetCallCode : public testing::Test {
 protected:
  TargetCallCode() {
    memory_ = static_cast<std::byte*>(
        mmap(reinterpret_cast<void*>(page), 4096,  // NOLINT(performance-no-int-to-ptr)
             PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
             -1, 0));
    if (memory_ == MAP_FAILED) return;
    pid_ = fork();
    if (pid_ == 0) {
      ptrace(PTRACE_TRACEME, 0, 0, 0);
      raise(SIGSTOP);
      _exit(0);
    }
    waitpid(pid_, nullptr, 0);
  }
  ~TargetCallCode() override {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    munmap(memory_, 4096);
  }

  user_regs_struct registers() const {
    user_regs_struct registers{};
    EXPECT_EQ(ptrace(PTRACE_GETREGS, pid_, 0, &registers), 0);
    return registers;
  }

  /// Lets the child make `number` by the code, as it would were clew to die. @return its registers
  /// where it traps again.
  user_regs_struct come_back(const user_regs_struct& before, long number) {
    arch::GeneralRegisters saved;
    std::memcpy(saved.bytes.data(), &before, sizeof before);
    const auto code = live::make_target_call_code(saved, mask);
    EXPECT_LE(code.size(), live::code_padding_size);
    std::memcpy(memory_, code.data(), code.size());
    std::memset(memory_ + 2048 - 2, 0xcc, 4);
    user_regs_struct calling = before;
    calling.rip = page;
    calling.rax = static_cast<uint64_t>(number);
    calling.orig_rax = ~uint64_t{0};
    calling.rdi = calling.rsi = calling.rdx = calling.r10 = calling.r8 = calling.r9 = 0;
    EXPECT_EQ(ptrace(PTRACE_SETREGS, pid_, 0, &calling), 0);
    uint64_t all = ~uint64_t{0};
    EXPECT_EQ(ptrace(PTRACE_SETSIGMASK, pid_, sizeof all, &all), 0);
    EXPECT_EQ(ptrace(PTRACE_CONT, pid_, 0, 0), 0);
    int status = 0;
    waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) << std::hex << status;
    uint64_t then = 0;
    EXPECT_EQ(ptrace(PTRACE_GETSIGMASK, pid_, sizeof then, &then), 0);
    EXPECT_EQ(then, mask);
    return registers();
  }

  user_regs_struct somewhere() const {
    user_regs_struct before = registers();
    uint64_t value = 0x1234567890abcdef;
    for (auto* word : {&before.rax, &before.rbx, &before.rcx, &before.rdx, &before.rsi, &before.rdi,
                       &before.rbp, &before.r8, &before.r9, &before.r10, &before.r11, &before.r12,
                       &before.r13, &before.r14, &before.r15})
      *word = value += 0x1111111111111111;
    before.eflags |= 0x8d5;  // carry, parity, auxiliary, zero, sign, overflow
    before.rip = stood_at;
    before.orig_rax = ~uint64_t{0};
    return before;
  }

  /// All but the pc, which is behind the trap, and what tells of a system call.
  static void expect_same(user_regs_struct now, user_regs_struct before) {
    EXPECT_EQ(now.rip, before.rip + 1);
    now.rip = before.rip;
    now.orig_rax = before.orig_rax;
    EXPECT_EQ(std::memcmp(&now, &before, sizeof now), 0)
        << std::hex << now.rax << ' ' << now.rcx << ' ' << now.rdx << ' ' << now.rsi << ' '
        << now.rdi << ' ' << now.r8 << ' ' << now.r9 << ' ' << now.r10 << ' ' << now.r11 << ' '
        << now.eflags << " not " << before.eflags;
  }

  std::byte* memory_ = nullptr;
  pid_t pid_ = 0;
};

TEST_F(TargetCallCode, PutsBackEveryRegisterTheFlagsAndTheMask) {
  const user_regs_struct before = somewhere();
  expect_same(come_back(before, SYS_getpid), before);
}

// What is left of a call's time (the last) the kernel still has.
TEST_F(TargetCallCode, MakesACallAnewThatWasBrokenOff) {
  for (const auto& [code, call] :
       {std::pair(-512L, SYS_futex), std::pair(-513L, SYS_futex), std::pair(-514L, SYS_futex),
        std::pair(-516L, SYS_restart_syscall)}) {
    SCOPED_TRACE(code);
    user_regs_struct before = somewhere();
    before.rax = static_cast<uint64_t>(code);
    before.orig_rax = SYS_futex;
    const user_regs_struct now = come_back(before, SYS_getpid);
    before.rax = static_cast<uint64_t>(call);
    before.rip -= 2;
    expect_same(now, before);
  }
}

TEST_F(TargetCallCode, LeavesTheResultOfACallThatHasEnded) {
  user_regs_struct before = somewhere();
  before.rax = static_cast<uint64_t>(-EINTR);
  before.orig_rax = SYS_read;
  expect_same(come_back(before, SYS_getpid), before);
}

}  // namespace
}  // namespace clew::test
