// The safety net at work, without any tracer: a child puts it into itself, sets traps in its own
// hot code, and must not notice them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <fstream>
#include <map>
#include <thread>

#include "net_in_self.h"
#include "support.h"

namespace clew::test {
namespace {

using live::net::Header;

// ---- the hot code ----

constexpr int hot_count = 20;
std::array<std::atomic<uint64_t>, hot_count> calls;
thread_local uint64_t own_calls = 0;

/// Branches, calls, stack and memory operands, as compilers make them.
[[gnu::noinline]] uint64_t mix(uint64_t a, uint64_t b) { return a * 31 + b; }

template <int n>
[[gnu::noinline]] void hot() {
  ++own_calls;
  const uint64_t before = calls[n].fetch_add(1, std::memory_order_relaxed);
  if (mix(before, n + 1) == 0) calls[n] = 0;
}

using Function = void (*)();
template <int... n>
std::array<Function, sizeof...(n)> all_of(std::integer_sequence<int, n...>) {
  return {&hot<n>...};
}
const auto functions = all_of(std::make_integer_sequence<int, hot_count>());

/// Eight threads that call all the functions `repeats` times in each of `rounds` rounds, with all
/// traps set anew before each.
struct Storm {
  static constexpr int threads = 8;
  static constexpr int repeats = 50;
  int rounds = 100;
  std::function<void()> on_ready = [] {};  ///< before the first round, when all threads are there
  std::function<void()> before_plant = [] {};
  std::function<void()> after_plant = [] {};
  std::function<std::string(NetInSelf&)> check = [](NetInSelf& net) {
    return net.header().state == live::net::restored ? net.text_difference() : "not restored";
  };

  /// @return what is wrong. The threads are left where they are.
  std::string run(NetInSelf& net) const {
    std::barrier begin(threads + 1);
    std::barrier end(threads + 1);
    for (int i = 0; i < threads; ++i) {
      std::thread([&] {
        begin.arrive_and_wait();
        uint64_t made = 0;
        for (int round = 0; round < rounds; ++round) {
          begin.arrive_and_wait();
          for (int repeat = 0; repeat < repeats; ++repeat) {
            for (const auto function : functions) function();
          }
          made += repeats * hot_count;
          if (own_calls != made) calls[0] += 1000000;
          end.arrive_and_wait();
        }
        for (;;) pause();
      }).detach();
    }
    begin.arrive_and_wait();
    on_ready();
    std::string trouble;
    for (int round = 0; round < rounds; ++round) {
      before_plant();
      net.plant();
      after_plant();
      begin.arrive_and_wait();
      end.arrive_and_wait();
      if (trouble.empty()) trouble = check(net);
    }
    for (int i = 0; i < hot_count && trouble.empty(); ++i) {
      const uint64_t wanted = uint64_t{1} * threads * repeats * rounds;
      if (calls[i] != wanted) trouble = fmt::format("{} calls of {}, not {}", calls[i], i, wanted);
    }
    return trouble;
  }
};

void add_all(NetInSelf& net) {
  for (const auto function : functions) net.add_function(function);
}

void expect_fine(const ChildEnd& end) {
  EXPECT_EQ(end.text, "");
  EXPECT_EQ(end.status, 0) << "as waitpid tells it";
}

/// The protection of each page of this program's file. (A mapping may be in more pieces than
/// before: the kernel does not join what has been written to in part.)
std::map<uint64_t, std::string> protections() {
  std::ifstream maps("/proc/self/maps");
  std::map<uint64_t, std::string> out;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("clew_live_tests") == std::string::npos) continue;
    size_t dash = 0;
    const uint64_t start = std::stoull(line, &dash, 16);
    const uint64_t end = std::stoull(line.substr(dash + 1), nullptr, 16);
    const auto protection = line.substr(line.find(' ') + 1, 4);
    for (uint64_t page = start; page < end; page += live::net::page_size) out[page] = protection;
  }
  return out;
}

/// Lets each of the calls fail with EPERM, or kill.
void filter(std::initializer_list<int> refused, uint32_t verdict) {
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const int number : refused) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, verdict));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &whole) != 0) {
    throw std::runtime_error("seccomp");
  }
}

constexpr uint32_t refuse = SECCOMP_RET_ERRNO | EPERM;

// ---- hits ----

TEST(Net, EightThreadsOnTwentyFunctions) {
  expect_fine(in_child([] {
    NetInSelf net;
    add_all(net);
    net.install();
    return Storm{static_cast<int>(rounds(200, 5000))}.run(net);
  }));
}

TEST(Net, ByMprotectWhereTheFileCannotBeOpened) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.install();
    net.header().memory_path[1] = 'x';
    const auto before = protections();
    const auto trouble = Storm{}.run(net);
    return !trouble.empty() || protections() == before ? trouble : "the protection has changed";
  }));
}

TEST(Net, ByMprotectWhereForcedWritesAreRefused) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.install();
    net.plant();
    filter({SYS_pwrite64}, refuse);
    functions[0]();
    if (net.header().state != live::net::restored) return "not restored";
    return net.text_difference();
  }));
}

TEST(Net, BySlotsWhereNothingCanBeWritten) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.install();
    Storm storm;
    storm.rounds = 1;
    storm.check = [](NetInSelf& self) -> std::string {
      if (self.header().state != live::net::partly) return "not partly";
      return self.is_planted() ? "" : "something was written";
    };
    storm.on_ready = [] { filter({SYS_open, SYS_openat, SYS_mprotect}, refuse); };
    return storm.run(net);
  }));
}

TEST(Net, NoSystemCallWhereAFilterKills) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.header().flags = live::net::no_system_calls;
    net.install();
    net.plant();
    std::atomic<int> ready = 0;
    std::atomic<int> done = 0;
    std::atomic<bool> go = false;
    for (int i = 0; i < 4; ++i) {
      std::thread([&] {
        ++ready;
        while (!go) {
        }
        for (int repeat = 0; repeat < 500; ++repeat) {
          for (const auto function : functions) function();
        }
        ++done;
        for (;;) pause();
      }).detach();
    }
    while (ready != 4) {
    }
    // All that is left is what the test itself needs, and the return from a handler.
    filter({SYS_open, SYS_openat, SYS_close, SYS_pread64, SYS_pwrite64, SYS_mprotect, SYS_gettid,
            SYS_getpid, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_tgsigqueueinfo},
           SECCOMP_RET_KILL_PROCESS);
    go = true;
    while (done != 4) {
    }
    if (!net.is_planted()) return "something was written";
    return calls[3] == 2000 ? "" : "wrong count";
  }));
}

TEST(Net, WithoutSlotsThreadsWaitForTheText) {
  expect_fine(in_child([] {
    NetInSelf net;
    add_all(net);
    net.drop_slots();
    net.install();
    return Storm{}.run(net);
  }));
}

TEST(Net, MemoryThatIsGoneIsLeftAlone) {
  for (const bool by_mprotect : {false, true}) {
    expect_fine(in_child([&]() -> std::string {
      NetInSelf net;
      add_all(net);
      net.install();
      net.plant();
      if (by_mprotect) net.header().memory_path[1] = 'x';
      const auto add = [&](uint64_t address) {
        auto* traps = reinterpret_cast<live::net::Trap*>(net.header().traps);
        traps[net.header().trap_count++] = {address, 0, 0x55, PROT_READ | PROT_WRITE, 0, 0, 0};
      };
      static std::atomic<uint8_t> no_trap = 77;
      add(0x10);
      add(reinterpret_cast<uint64_t>(&no_trap));
      functions[0]();
      if (net.header().state != live::net::restored) return "not restored";
      return no_trap == 77 ? "" : "it has written to what is no trap";
    }));
  }
}

// ---- masks and stacks ----

TEST(Net, ThreadsThatBlockEverythingDoSoAgainAfterwards) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    std::array<int32_t, 3> tids{};
    net.header().unblocked = reinterpret_cast<uint64_t>(tids.data());
    net.header().unblocked_count = tids.size();
    net.install();
    std::string trouble;
    const auto run = [&](int32_t* entry, bool wanted) {
      sigset_t mask;
      sigfillset(&mask);
      sigdelset(&mask, SIGTRAP);
      pthread_sigmask(SIG_SETMASK, &mask, nullptr);
      if (entry != nullptr) *entry = gettid();
      net.plant();
      functions[0]();
      pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      if (sigismember(&mask, SIGTRAP) != wanted || sigismember(&mask, SIGUSR1) != 1) {
        trouble = "the mask is wrong";
      }
    };
    for (auto& tid : tids) std::thread(run, &tid, true).join();
    std::thread(run, nullptr, false).join();
    return trouble;
  }));
}

extern "C" void net_test_run_on(void (*function)(), void* stack);
asm(R"(
  .pushsection .text
net_test_run_on:
  push %rbp
  mov %rsp, %rbp
  mov %rsi, %rsp
  call *%rdi
  mov %rbp, %rsp
  pop %rbp
  ret
  .popsection
)");

TEST(Net, AStackWithoutRoomForASignalFrame) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.install();
    net.plant();
    // 512 bytes, as a goroutine may have left, above memory that cannot be touched.
    auto* memory = static_cast<std::byte*>(
        mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory, 4096, PROT_NONE);
    static std::array<std::byte, 16384> alternate;
    const stack_t other{alternate.data(), 0, alternate.size()};
    sigaltstack(&other, nullptr);
    net_test_run_on(functions[0], memory + 4096 + 512);
    return net.text_difference();
  }));
}

TEST(Net, SignalsAndTheirHandlersOnTraps) {
  expect_fine(in_child([]() -> std::string {
    NetInSelf net;
    add_all(net);
    net.install();
    // The net's table can only be changed while nobody runs into it.
    static std::atomic<bool> is_open = false;
    static std::atomic<int> inside = 0;
    struct sigaction on_usr1 {};
    on_usr1.sa_handler = [](int) {
      ++inside;
      if (is_open) {
        functions[7]();
        own_calls -= 1;
        calls[7] -= 1;
      }
      --inside;
    };
    on_usr1.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &on_usr1, nullptr);
    std::atomic<bool> over = false;
    std::thread sender([&] {
      sigset_t usr1;
      sigemptyset(&usr1);
      sigaddset(&usr1, SIGUSR1);
      pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
      while (!over) kill(getpid(), SIGUSR1);
    });
    Storm storm;
    storm.before_plant = [] {
      is_open = false;
      while (inside != 0) {
      }
    };
    storm.after_plant = [] { is_open = true; };
    const auto trouble = storm.run(net);
    over = true;
    sender.join();
    return trouble;
  }));
}

TEST(Net, ErrnoAndDescriptorsStay) {
  for (const bool by_mprotect : {false, true}) {
    expect_fine(in_child([&]() -> std::string {
      NetInSelf net;
      add_all(net);
      net.install();
      net.plant();
      if (by_mprotect) net.header().memory_path[1] = 'x';  // so that a call fails
      const int before = dup(0);
      close(before);
      errno = 1234;
      functions[0]();
      if (errno != 1234) return "errno";
      return dup(0) == before ? "" : "a descriptor is left open";
    }));
  }
}

}  // namespace
}  // namespace clew::test
