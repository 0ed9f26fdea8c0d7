// A SIGTRAP that is none of clew's goes through the net to the program's own action. What the
// program and its parent see is compared with the same program without the net.
#include <execinfo.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net_in_self.h"

namespace clew::test {
namespace {

constexpr uint64_t trap_bit = 1ULL << (SIGTRAP - 1);

/// What the handler saw; shared with the test, which reads it after the child's end.
struct Log {
  struct Call {
    int code, value, sender_is_self, depth, on_alternate_stack;
    uint64_t mask;
    uint64_t distance;  ///< from the trap to the pc in the frame
  };
  int calls = 0;
  int survived = 0;  ///< after how many signals the program went on
  int broken = 0;    ///< errno or the mask was not the same afterwards
  std::array<Call, 8> call{};

  std::string text() const {
    std::string out = fmt::format("{} calls, {} survived, {} broken", calls, survived, broken);
    for (int i = 0; i < calls && i < 8; ++i) {
      const auto& c = call[static_cast<size_t>(i)];
      out +=
          fmt::format("; code {} value {} self {} depth {} alternate {} mask {:x} at {}", c.code,
                      c.value, c.sender_is_self, c.depth, c.on_alternate_stack, c.mask, c.distance);
    }
    return out;
  }
};

Log* shared = nullptr;
std::array<std::byte, 65536> alternate;
uint64_t trap_address = 0;

uint64_t current_mask() {
  uint64_t mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, sizeof mask);
  return mask;
}

Log::Call& note_call() {
  Log::Call& call = shared->call[static_cast<size_t>(shared->calls++ % 8)];
  std::array<void*, 64> frames{};
  call.depth = backtrace(frames.data(), frames.size());
  call.mask = current_mask();
  const auto* here = reinterpret_cast<const std::byte*>(&call);
  const std::byte local{};
  here = &local;
  call.on_alternate_stack = here >= alternate.data() && here < alternate.data() + alternate.size();
  errno = 1;
  return call;
}

void plain_handler(int) { note_call(); }

void info_handler(int, siginfo_t* info, void* frame) {
  auto& call = note_call();
  call.code = info->si_code;
  call.value = info->si_value.sival_int;
  call.sender_is_self = info->si_pid == getpid();
  auto& context = *static_cast<ucontext_t*>(frame);
  if (info->si_code == TRAP_TRACE && shared->calls % 2 == 0) {
    context.uc_mcontext.gregs[REG_EFL] &= ~greg_t{0x100};
  }
  if (info->si_code > 0) {
    call.distance = static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RIP]) - trap_address;
  }
}

struct Action {
  const char* name;
  void (*handler)(int);
  void (*info)(int, siginfo_t*, void*);
  unsigned flags;
  int masked;  ///< a signal in its sa_mask, or 0

  void set() const {
    struct sigaction action {};
    if (info != nullptr) {
      action.sa_sigaction = info;
    } else {
      action.sa_handler = handler;
    }
    action.sa_flags = static_cast<int>(flags);
    if (masked != 0) sigaddset(&action.sa_mask, masked);
    sigaction(SIGTRAP, &action, nullptr);
  }
};

const Action actions[] = {
    {"default", SIG_DFL, nullptr, 0, 0},
    {"ignored", SIG_IGN, nullptr, 0, 0},
    {"plain", plain_handler, nullptr, 0, 0},
    {"info", nullptr, info_handler, SA_SIGINFO, 0},
    {"once", nullptr, info_handler, SA_SIGINFO | SA_RESETHAND, 0},
    {"nodefer", nullptr, info_handler, SA_SIGINFO | SA_NODEFER, SIGUSR1},
    {"nodefer but masked", nullptr, info_handler, SA_SIGINFO | SA_NODEFER, SIGTRAP},
    {"masked", nullptr, info_handler, SA_SIGINFO | SA_RESTART, SIGUSR2},
    {"stack", nullptr, info_handler, SA_SIGINFO | SA_ONSTACK, 0},
};

struct Source {
  const char* name;
  void (*make)();
};

const Source sources[] = {
    {"raise", [] { raise(SIGTRAP); }},
    {"kill", [] { kill(getpid(), SIGTRAP); }},
    {"queue", [] { sigqueue(getpid(), SIGTRAP, {42}); }},
    {"int3",
     [] {
       asm volatile("lea 1f(%%rip), %0; mov %0, %1; 1: int3"
                    : "=&r"(trap_address), "=m"(trap_address));
     }},
    {"int 3",
     [] {
       asm volatile("lea 1f(%%rip), %0; mov %0, %1; 1: .byte 0xCD, 3"
                    : "=&r"(trap_address), "=m"(trap_address));
     }},
    {"int1",
     [] {
       asm volatile("lea 1f(%%rip), %0; mov %0, %1; 1: .byte 0xF1"
                    : "=&r"(trap_address), "=m"(trap_address));
     }},
    {"pending",
     [] {
       const uint64_t only_trap = trap_bit;
       syscall(SYS_rt_sigprocmask, SIG_BLOCK, &only_trap, nullptr, sizeof only_trap);
       raise(SIGTRAP);
       syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &only_trap, nullptr, sizeof only_trap);
     }},
};

[[gnu::noinline]] void trapped() { asm volatile("nop"); }

enum class Net { none, armed, restored, no_system_calls };

/// @return the child's end and what its handler saw, as a text.
std::string outcome(const Action& action, const Source& source, Net net) {
  *shared = Log{};
  const auto end = in_child([&]() -> std::string {
    std::array<void*, 4> warm_up{};
    backtrace(warm_up.data(), warm_up.size());  // loads libgcc_s
    const stack_t other{alternate.data(), 0, alternate.size()};
    sigaltstack(&other, nullptr);
    action.set();
    NetInSelf self;
    self.add_function(trapped);
    if (net != Net::none) {
      self.install();
      self.plant();
    }
    if (net == Net::restored) trapped();
    if (net == Net::no_system_calls) self.header().flags = live::net::no_system_calls;
    for (int i = 0; i < 2; ++i) {
      const uint64_t before = current_mask();
      errno = 1234;
      source.make();
      if (errno != 1234 || current_mask() != before) ++shared->broken;
      ++shared->survived;
    }
    return {};
  });
  return fmt::format("status {:#x}, {}{}", end.status, shared->text(), end.text);
}

class NetPassOn : public testing::Test {
 protected:
  NetPassOn() {
    shared = static_cast<Log*>(
        mmap(nullptr, sizeof(Log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }
  ~NetPassOn() override { munmap(shared, sizeof(Log)); }

  /// What the net cannot or will not hide: while traps are set, SIGTRAP is not blocked in the
  /// handler; and the handler is always on the alternate stack.
  static std::string blur(std::string text, bool with_mask) {
    for (size_t at = 0; (at = text.find("alternate ", at)) != std::string::npos;) {
      at += 10;
      text[at] = '?';
    }
    for (size_t at = 0; with_mask && (at = text.find("mask ", at)) != std::string::npos;) {
      at += 5;
      const auto end = text.find(' ', at);
      const uint64_t mask = std::stoull(text.substr(at, end - at), nullptr, 16);
      text.replace(at, end - at, fmt::format("{:x}", mask & ~trap_bit));
    }
    return text;
  }
};

TEST_F(NetPassOn, IsAsWithoutTheNet) {
  for (const auto& action : actions) {
    for (const auto& source : sources) {
      SCOPED_TRACE(fmt::format("{} by {}", action.name, source.name));
      const auto wanted = outcome(action, source, Net::none);
      EXPECT_EQ(blur(outcome(action, source, Net::restored), false), blur(wanted, false));
      EXPECT_EQ(blur(outcome(action, source, Net::armed), true), blur(wanted, true));
      EXPECT_EQ(blur(outcome(action, source, Net::no_system_calls), true), blur(wanted, true));
    }
  }
}

TEST_F(NetPassOn, TrapsInTheFormerHandler) {
  const auto end = in_child([]() -> std::string {
    NetInSelf self;
    self.add_function(trapped);
    struct sigaction action {};
    action.sa_handler = [](int) { trapped(); };
    sigaction(SIGTRAP, &action, nullptr);
    self.install();
    self.plant();
    raise(SIGTRAP);
    return self.text_difference();
  });
  EXPECT_EQ(end.text, "");
  EXPECT_EQ(end.status, 0);
}

/// Sets the trap flag, as a program that steps itself does; info_handler() clears it.
void step_oneself() {
  asm volatile("pushfq; orl $0x100, (%%rsp); popfq; nop; nop; nop" : : : "memory", "cc");
}

TEST_F(NetPassOn, OwnStepsGoToTheOwnHandler) {
  const Source source{"steps", step_oneself};
  for (const auto& action : actions) {
    if (action.info == nullptr || (action.flags & unsigned{SA_RESETHAND}) != 0) continue;
    SCOPED_TRACE(action.name);
    const auto wanted = outcome(action, source, Net::none);
    EXPECT_EQ(blur(outcome(action, source, Net::restored), false), blur(wanted, false));
    EXPECT_EQ(blur(outcome(action, source, Net::armed), true), blur(wanted, true));
    EXPECT_NE(wanted.find("2 survived"), std::string::npos) << wanted;
  }
}

TEST_F(NetPassOn, LeftOverStepsAreSwallowed) {
  const Source source{"steps", [] {
                        step_oneself();
                        uint64_t flags = 0;
                        asm volatile("pushfq; pop %0" : "=r"(flags));
                        if ((flags & 0x100) != 0) ++shared->broken;
                      }};
  EXPECT_EQ(outcome(actions[0], source, Net::armed), "status 0x0, 0 calls, 2 survived, 0 broken");
  EXPECT_EQ(outcome(actions[1], source, Net::restored),
            "status 0x0, 0 calls, 2 survived, 0 broken");
}

}  // namespace
}  // namespace clew::test
