#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <vector>

#include "os/proc_dir.h"
#include "os/task_facts.h"

namespace clew {

/// Reads /proc/PID/task/TID/stat of many threads without stopping any: names, states and CPUs as
/// they are before a stop. One read costs some ten microseconds, more than all ptrace calls for
/// that thread together; so a worker does it beside the attach, and finish() takes half of what is
/// left.
class ThreadSurvey {
 public:
  /// Starts to read.
  ThreadSurvey(pid_t pid, std::span<const pid_t> tids);
  ~ThreadSurvey();
  ThreadSurvey(const ThreadSurvey&) = delete;
  ThreadSurvey& operator=(const ThreadSurvey&) = delete;

  /// Reads the rest and waits for the worker. Call it before the target is stopped.
  void finish();

  /// Only after finish(). nullptr when the thread was not in the list or had gone.
  const os::TaskStat* find(pid_t tid) const;
  /// Only after finish(): the threads in state R.
  std::vector<pid_t> running() const;

 private:
  void read_from_front();
  void read_from_back();
  void read(size_t index, std::string& buffer);

  std::optional<os::ProcDir> proc_;
  std::vector<pid_t> tids_;
  std::vector<std::optional<os::TaskStat>> stats_;
  std::unordered_map<pid_t, size_t> index_;
  std::atomic<size_t> taken_{0};  ///< how many are read or being read, from both ends together
  std::thread worker_;
};

}  // namespace clew
