#include "os/attach_facts.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <functional>
#include <latch>
#include <thread>

#include "os/attach_diagnosis.h"

namespace clew::os {
namespace {

/// A child process that runs `prepare`, says so, and then waits to be killed.
class Child {
 public:
  explicit Child(const std::function<void()>& prepare) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);  // should the test die
      prepare();
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

TEST(AttachFacts, PidsThatAreNone) {
  for (const pid_t pid : {0, -1, -::getpid(), 4194304}) {
    EXPECT_FALSE(gather_attach_facts(pid).exists) << pid;
    EXPECT_EQ(diagnose_attach(gather_attach_facts(pid)).reason_code, "no_such_process") << pid;
  }
}

TEST(AttachFacts, OwnProcessAndOwnThread) {
  EXPECT_TRUE(gather_attach_facts(::getpid()).is_self);
  std::thread([] {
    const AttachFacts facts = gather_attach_facts(::gettid());
    EXPECT_TRUE(facts.is_self);
    EXPECT_EQ(facts.pid, ::getpid());
    EXPECT_EQ(facts.requested, ::gettid());
  }).join();
}

TEST(AttachFacts, ChildOfOurs) {
  const Child child([] { ::prctl(PR_SET_NAME, "a (strange) one"); });
  const AttachFacts facts = gather_attach_facts(child.pid());
  EXPECT_TRUE(facts.exists);
  EXPECT_TRUE(facts.is_visible);
  EXPECT_TRUE(facts.is_proc_ours);
  EXPECT_EQ(facts.pid, child.pid());
  EXPECT_EQ(facts.name, "a (strange) one");
  EXPECT_FALSE(facts.is_self);
  EXPECT_FALSE(facts.is_kernel_thread);
  EXPECT_FALSE(facts.is_traced);
  EXPECT_EQ(facts.live_threads, 1u);
  EXPECT_TRUE(facts.is_descendant);
  EXPECT_TRUE(facts.is_dumpable);
  EXPECT_FALSE(facts.is_reading_refused);
  EXPECT_EQ(facts.user_namespace, UserNamespace::same);
  EXPECT_EQ(facts.refused_ptrace_errno, 0);
  EXPECT_TRUE(facts.has_same_uid());
  EXPECT_TRUE(facts.has_same_gid());
}

TEST(AttachFacts, ParentIsNoDescendant) {
  EXPECT_FALSE(gather_attach_facts(::getppid()).is_descendant);
}

TEST(AttachFacts, ThreadOfAnotherProcess) {
  int tid_pipe[2];
  ASSERT_EQ(::pipe(tid_pipe), 0);
  const Child child([&] {
    std::thread([&] {
      const pid_t tid = ::gettid();
      if (::write(tid_pipe[1], &tid, sizeof tid) != sizeof tid) ::_exit(1);
      for (;;) ::pause();
    }).detach();
  });
  pid_t tid = 0;
  ASSERT_EQ(::read(tid_pipe[0], &tid, sizeof tid), static_cast<ssize_t>(sizeof tid));
  const AttachFacts facts = gather_attach_facts(tid);
  EXPECT_EQ(facts.requested, tid);
  EXPECT_EQ(facts.pid, child.pid());
  EXPECT_EQ(facts.live_threads, 2u);
  ::close(tid_pipe[0]);
  ::close(tid_pipe[1]);
}

TEST(AttachFacts, Zombie) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const AttachFacts facts = gather_attach_facts(pid);
  EXPECT_EQ(facts.leader_state, 'Z');
  EXPECT_EQ(facts.live_threads, 0u);
  EXPECT_EQ(diagnose_attach(facts).reason_code, "zombie");
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(gather_attach_facts(pid).exists);
}

TEST(AttachFacts, ExitedLeader) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    const pid_t leader = ::gettid();
    std::thread([&ready, leader] {
      // Polls for what nothing tells of: that the leader is a zombie.
      while (gather_attach_facts(leader).leader_state != 'Z') std::this_thread::yield();
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
  }
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  const AttachFacts facts = gather_attach_facts(pid);
  EXPECT_EQ(facts.leader_state, 'Z');
  EXPECT_EQ(facts.live_threads, 1u);
  EXPECT_TRUE(facts.has_exited_leader());
  EXPECT_TRUE(facts.is_dumpable);
  EXPECT_TRUE(facts.has_same_uid());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(AttachFacts, StoppedByASignal) {
  const Child child([] {});
  ::kill(child.pid(), SIGSTOP);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WSTOPPED), 0);
  EXPECT_EQ(gather_attach_facts(child.pid()).leader_state, 'T');
}

TEST(AttachFacts, TracedByUs) {
  const Child child([] {});
  if (::syscall(SYS_ptrace, PTRACE_SEIZE, child.pid(), 0, 0) != 0) GTEST_SKIP() << "no ptrace here";
  const AttachFacts facts = gather_attach_facts(child.pid());
  EXPECT_TRUE(facts.is_traced);
  EXPECT_EQ(facts.traced_tid, child.pid());
  EXPECT_EQ(facts.tracer_pid, ::getpid());
  EXPECT_FALSE(facts.tracer_name.empty());
}

TEST(AttachFacts, NotDumpable) {
  // Root's files look the same either way, so that root needs a child of another user.
  const Child child([] {
    if (::getuid() == 0 &&
        (::setresgid(12345, 12345, 12345) != 0 || ::setresuid(12345, 12345, 12345) != 0)) {
      ::_exit(1);
    }
    ::prctl(PR_SET_DUMPABLE, 0);
  });
  EXPECT_FALSE(gather_attach_facts(child.pid()).is_dumpable);
}

TEST(AttachFacts, OtherUser) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  const Child child([] {
    if (::setresgid(12346, 12346, 12346) != 0 || ::setresuid(12345, 12345, 12345) != 0) ::_exit(1);
    ::prctl(PR_SET_DUMPABLE, 1);
  });
  const AttachFacts facts = gather_attach_facts(child.pid());
  EXPECT_EQ(facts.uids, (IdTriple{12345, 12345, 12345}));
  EXPECT_EQ(facts.gids, (IdTriple{12346, 12346, 12346}));
  EXPECT_TRUE(facts.is_dumpable);
  EXPECT_EQ(facts.permitted_capabilities, 0u);
}

/// Makes ptrace(2) fail with EPERM in the calling process, as a container's filter does.
bool forbid_ptrace() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{4, code};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(AttachFacts, SeccompFilterOfOurOwn) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    if (!forbid_ptrace()) ::_exit(2);
    const AttachFacts facts = gather_attach_facts(::getppid());
    const bool as_expected = facts.own_seccomp == 2 && facts.refused_ptrace_errno == EPERM &&
                             diagnose_attach(facts).reason_code == "seccomp";
    ::_exit(as_expected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace clew::os
