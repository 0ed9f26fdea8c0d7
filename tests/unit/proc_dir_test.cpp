#include "os/proc_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace clew::os {
namespace {

ProcDir open_self() {
  auto proc = ProcDir::open(::getpid());
  EXPECT_TRUE(proc.has_value());
  return std::move(*proc);
}

/// join() returns a little before the kernel has taken the thread off its list: wait for that.
void wait_until_alone(const ProcDir& proc) {
  while (proc.thread_count().value_or(0) > 1) std::this_thread::yield();
}

/// Threads that exist for sure while the object lives.
class Threads {
 public:
  explicit Threads(size_t count) : started_(static_cast<std::ptrdiff_t>(count)) {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this] {
        {
          const std::lock_guard lock(mutex_);
          tids_.push_back(::gettid());
        }
        started_.count_down();
        end_.wait();
      });
    }
    started_.wait();
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    end_.count_down();
    for (std::thread& thread : threads_) thread.join();
  }
  const std::vector<pid_t>& tids() const { return tids_; }

 private:
  std::latch started_;
  std::latch end_{1};
  std::mutex mutex_;
  std::vector<pid_t> tids_;
  std::vector<std::thread> threads_;
};

TEST(ProcDir, OwnTidsTheLeaderFirst) {
  const ProcDir proc = open_self();
  EXPECT_EQ(proc.pid(), ::getpid());
  wait_until_alone(proc);
  const Threads threads(50);
  const auto tids = proc.tids();
  ASSERT_TRUE(tids.has_value());
  ASSERT_EQ(tids->size(), 51u);
  EXPECT_EQ(tids->front(), ::getpid());
  for (const pid_t tid : threads.tids()) {
    EXPECT_EQ(std::count(tids->begin(), tids->end(), tid), 1) << tid;
    EXPECT_TRUE(proc.has_thread(tid));
  }
}

TEST(ProcDir, ThreadCountFollowsTheThreads) {
  const ProcDir proc = open_self();
  wait_until_alone(proc);
  EXPECT_EQ(proc.thread_count().value_or(0), 1u);
  {
    const Threads threads(7);
    EXPECT_EQ(proc.thread_count().value_or(0), 8u);
    const Threads more(300);
    EXPECT_EQ(proc.thread_count().value_or(0), 308u);
  }
  wait_until_alone(proc);
  EXPECT_EQ(proc.thread_count().value_or(0), 1u);
}

TEST(ProcDir, HasThreadIsAboutThisProcessOnly) {
  const ProcDir proc = open_self();
  EXPECT_TRUE(proc.has_thread(::getpid()));
  EXPECT_FALSE(proc.has_thread(::getppid()));
  EXPECT_FALSE(proc.has_thread(0));
  EXPECT_FALSE(proc.has_thread(-1));
}

TEST(ProcDir, ReadsFilesAndLinks) {
  const ProcDir proc = open_self();
  const auto status = proc.read("status");
  ASSERT_TRUE(status.has_value());
  EXPECT_NE(status->find("Pid:\t" + std::to_string(::getpid())), std::string::npos);
  EXPECT_FALSE(proc.read_link("exe").value_or("").empty());
  EXPECT_EQ(proc.read("nothing").error().code, ErrorCode::not_found);
  EXPECT_TRUE(proc.open_file("maps", O_RDONLY).has_value());

  std::string buffer(6, '\0');
  EXPECT_EQ(proc.read_into("status", buffer).value_or(""), "Name:\t");
  EXPECT_FALSE(proc.read_into("nothing", buffer).has_value());
}

TEST(ProcDir, ReadsFilesLongerThanOneChunk) {
  const ProcDir proc = open_self();
  const Threads threads(200);
  const auto maps = proc.read("maps");
  ASSERT_TRUE(maps.has_value());
  EXPECT_GT(maps->size(), 16384u);
  EXPECT_EQ(maps->back(), '\n');
}

TEST(ProcDir, NoSuchProcess) {
  for (const pid_t pid : {0, -1, 4194304}) {
    const auto proc = ProcDir::open(pid);
    ASSERT_FALSE(proc.has_value());
    EXPECT_EQ(proc.error().code, ErrorCode::not_found);
    EXPECT_NE(proc.error().text.find(std::to_string(pid)), std::string::npos);
  }
}

TEST(ProcDir, GoneAfterTheProcessHasDied) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    for (;;) ::pause();
  }
  auto proc = ProcDir::open(pid);
  ASSERT_TRUE(proc.has_value());
  EXPECT_EQ(proc->tids().value_or(std::vector<pid_t>()), std::vector<pid_t>{pid});
  ::kill(pid, SIGKILL);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);

  ASSERT_FALSE(proc->tids().has_value());
  EXPECT_EQ(proc->tids().error().code, ErrorCode::gone);
  ASSERT_FALSE(proc->thread_count().has_value());
  EXPECT_EQ(proc->thread_count().error().code, ErrorCode::gone);
  EXPECT_FALSE(proc->has_thread(pid));
  const auto status = proc->read("status");
  ASSERT_FALSE(status.has_value());
  EXPECT_TRUE(status.error().code == ErrorCode::gone ||
              status.error().code == ErrorCode::not_found);
  std::string buffer(64, '\0');
  EXPECT_FALSE(proc->read_into("status", buffer).has_value());
  EXPECT_FALSE(proc->read_link("exe").has_value());
  EXPECT_FALSE(ProcDir::open(pid).has_value());
}

TEST(ReadSmallFile, ContentOrError) {
  EXPECT_FALSE(read_small_file("/proc/sys/kernel/pid_max").value_or("").empty());
  EXPECT_EQ(read_small_file("/proc/no/such/file").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace clew::os
