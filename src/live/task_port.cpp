#include "live/task_port.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "os/proc_dir.h"
#include "os/task_facts.h"

namespace clew::live {
namespace {

class SystemTaskPort final : public TaskPort {
 public:
  explicit SystemTaskPort(const os::ProcDir& proc) : proc_(proc) {}

  Result<std::vector<pid_t>> list() override { return proc_.tids(); }
  size_t count() override { return proc_.thread_count().value_or(0); }
  bool has(pid_t tid) override { return proc_.has_thread(tid); }
  Facts facts(pid_t tid) override {
    const auto text = proc_.read(fmt::format("task/{}/status", tid));
    if (!text) return {};
    const os::TaskStatus status = os::parse_task_status(*text);
    const uint64_t kill_bit = uint64_t{1} << (SIGKILL - 1);
    return {true,           status.state,  status.tracer_pid,  (status.pending & kill_bit) != 0,
            status.ignored, status.caught, status.seccomp > 0, status.has_shadow_stack};
  }
  Lineage lineage(pid_t tid) override {
    const auto text = os::read_small_file(fmt::format("/proc/{}/status", tid));
    if (!text) return {};
    const os::TaskStatus status = os::parse_task_status(*text);
    return {status.tgid, status.parent_pid};
  }
  Status send_signal(pid_t tid, int signal) override {
    if (::tgkill(proc_.pid(), tid, signal) == 0) return {};
    return fail_os(errno, fmt::format("cannot send a signal to thread {}", tid));
  }
  int cpu(pid_t tid) override {
    std::string buffer(1024, '\0');
    const auto line = proc_.read_task(tid, "stat", buffer);
    if (!line) return -1;
    const auto stat = os::parse_task_stat(*line);
    return stat ? stat->cpu : -1;
  }
  pid_t leader() override { return proc_.pid(); }
  // TracerPid is the tid of the tracing thread, not its process (task_state() in the kernel's
  // fs/proc/array.c).
  pid_t own_tid() override { return gettid(); }

 private:
  const os::ProcDir& proc_;
};

}  // namespace

std::unique_ptr<TaskPort> system_task_port(const os::ProcDir& proc) {
  return std::make_unique<SystemTaskPort>(proc);
}

}  // namespace clew::live
