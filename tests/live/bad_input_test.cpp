// What cannot be attached to: one clear line, at once, and nothing is touched.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support.h"

namespace clew::test {
namespace {

constexpr int any_failure = -1;  ///< status 1 or 2

/// Every form of a command that stops a process given by its pid.
std::vector<Strings> stopping_commands(const std::string& pid) {
  return {{"freeze", pid, "--for", "1s"},
          {"freeze", "--json", "--for", "1s", pid},
          {"threads", pid},
          {"threads", "--json", pid},
          {"threads", "--rolling", pid},
          {"threads", "--rolling", "--json", pid},
          {"attach", pid},
          {"attach", "--batch", pid}};
}

void expect_complaint(const Strings& arguments, int status, ClewProcess::Options options = {}) {
  SCOPED_TRACE(fmt::format("clew {}", fmt::join(arguments, " ")));
  const Ran ran = run_clew(arguments, 5s, options);
  ASSERT_TRUE(ran.status.has_value()) << "clew hangs";
  if (status == any_failure) {
    EXPECT_TRUE(ran.status == 1 || ran.status == 2) << *ran.status;
  } else {
    EXPECT_EQ(*ran.status, status);
  }
  EXPECT_LT(ran.took, 1s);
  EXPECT_EQ(ran.err.substr(0, 6), "clew: ") << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_TRUE(ran.err.ends_with("\n")) << ran.err;
  const bool wants_json =
      std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  if (wants_json && !ran.out.empty()) {
    EXPECT_FALSE(json::parse(ran.out, nullptr, false).is_discarded()) << ran.out;
  }
}

void expect_complaints(const std::string& pid, int status, ClewProcess::Options options = {}) {
  for (const Strings& arguments : stopping_commands(pid)) {
    expect_complaint(arguments, status, options);
  }
}

/// A child of the test that has exited and is not waited for.
class Zombie {
 public:
  Zombie() : pid_(fork()) {
    if (pid_ == 0) _exit(0);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  ~Zombie() { reap(); }
  pid_t pid() const { return pid_; }
  void reap() { waitpid(pid_, nullptr, 0); }

 private:
  pid_t pid_;
};

pid_t kernel_thread() {
  constexpr unsigned long is_kernel_thread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (!std::getline(file, text)) continue;
    std::istringstream rest(text.substr(text.rfind(')') + 2));
    std::string skipped;
    unsigned long flags = 0;
    for (int i = 0; i < 6; ++i) rest >> skipped;
    if (rest >> flags && (flags & is_kernel_thread) != 0) return std::atoi(text.c_str());
  }
  return 0;
}

TEST(BadInput, NoNumberOfAProcess) {
  for (const char* text : {"abc", "", "12x", "x12", "0", "1.5", "0x10", "+5", " 5", "4194305",
                           "2147483648", "99999999999999999999", "1 2"}) {
    expect_complaints(text, 2);
    expect_complaint({"threads", "--no-stop", text}, 2);
  }
}

TEST(BadInput, NegativeNumber) {
  expect_complaints("-1", 2);
  expect_complaints("-99999999999", 2);
  expect_complaint({"freeze", "--", "-1"}, 2);
  expect_complaint({"attach", "--", "-12"}, 2);
}

TEST(BadInput, NoSuchProcess) {
  Zombie gone;
  gone.reap();
  expect_complaints(std::to_string(gone.pid()), 1);
  expect_complaint({"threads", "--no-stop", std::to_string(gone.pid())}, 1);
}

TEST(BadInput, ClewItself) { expect_complaints("@self", any_failure); }

TEST(BadInput, AZombie) {
  const Zombie zombie;
  expect_complaints(std::to_string(zombie.pid()), 1);
}

TEST(BadInput, AKernelThread) {
  const pid_t pid = kernel_thread();
  if (pid == 0) GTEST_SKIP() << "no kernel thread can be seen here";
  expect_complaints(std::to_string(pid), 1);
}

TEST(BadInput, AlreadyTraced) {
  Fixture target("sleepers", {"3"});
  ClewProcess first({"freeze", std::to_string(target.pid())});
  ASSERT_TRUE(first.read_until("hold"));
  expect_complaints(std::to_string(target.pid()), 1);
  EXPECT_TRUE(is_traced_by(target.pid(), first.pid()));
  EXPECT_TRUE(is_held(target.pid()));
  const Ran ran = run_clew({"threads", std::to_string(target.pid())});
  EXPECT_NE(ran.err.find(std::to_string(first.pid())), std::string::npos)
      << "it does not say by whom: " << ran.err;
  first.signal(SIGINT);
  EXPECT_EQ(first.wait(2s), 0);
}

TEST(BadInput, AnotherUsersProcess) {
  constexpr uid_t nobody = 65534;
  if (geteuid() != 0) {
    expect_complaints("1", 1);
    return;
  }
  Fixture target("sleepers", {"3"});
  expect_complaints(std::to_string(target.pid()), 1, {.uid = nobody});
  EXPECT_TRUE(is_untraced(target.pid()));
}

TEST(BadInput, WrongUsage) {
  Fixture target("sleepers", {"3"});
  const std::string pid = std::to_string(target.pid());
  const std::vector<Strings> usages = {{"freeze"},
                                       {"threads"},
                                       {"attach"},
                                       {"freeze", pid, pid},
                                       {"freeze", pid, "--for"},
                                       {"freeze", pid, "--for", "soon"},
                                       {"freeze", pid, "--for", "-1s"},
                                       {"freeze", pid, "--max-pause", "1 week"},
                                       {"threads", pid, "--max-pause", "nan"},
                                       {"attach", pid, "--max-pause", ""},
                                       {"threads", pid, "--rolling", "--no-stop"},
                                       {"freeze", pid, "--name", "sleepers"},
                                       {"attach", pid, "--nonsense"},
                                       {"nonsense", pid},
                                       {}};
  for (const Strings& arguments : usages) {
    expect_complaint(arguments, 2);
    EXPECT_TRUE(is_untraced(target.pid()));
  }
}

TEST(BadInput, Names) {
  expect_complaint({"freeze", "--name", "no-such-program-anywhere"}, 1);
  expect_complaint({"threads", "--name", "no-such-program-anywhere"}, 1);
  expect_complaint({"attach", "--name", ""}, any_failure);
  Fixture one("leader_exit");
  Fixture two("leader_exit");
  const Ran ran = run_clew({"freeze", "--name", "leader_exit"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find(std::to_string(one.pid())), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(std::to_string(two.pid())), std::string::npos) << ran.err;
  EXPECT_TRUE(is_untraced(one.pid()));
}

TEST(BadInput, CommandsAtThePrompt) {
  Fixture target("sleepers", {"3"});
  ClewProcess clew({"attach", std::to_string(target.pid())});
  const Strings lines = {"nonsense",      "thread 99",        "thread tid 1",        "thread -1",
                         "regs nonsense", "set $rip",         "set $rip = nonsense", "x/zz 0",
                         "x 0",           "thread apply 9 x", "stepi zero",          "continue now",
                         "attach 1",      "x/99999999999g 0"};
  for (const std::string& line : lines) clew.write(line);
  clew.write("threads");
  clew.close_input();
  EXPECT_EQ(clew.wait(5s), 1) << clew.out() << clew.err();
  // Each is answered by one complaint (that of an expression points at the word), and the session
  // lives on.
  std::istringstream answers(clew.err());
  std::size_t complaints = 0;
  for (std::string line; std::getline(answers, line);) {
    if (line.starts_with("clew: ")) {
      ++complaints;
    } else {
      EXPECT_TRUE(line.starts_with("   ")) << clew.err();
    }
  }
  EXPECT_EQ(complaints, lines.size()) << clew.err();
  EXPECT_NE(clew.out().find("pause"), std::string::npos) << clew.out();
  EXPECT_TRUE(is_untraced(target.pid()));
}

}  // namespace
}  // namespace clew::test
