#include "os/scheduling.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace clew::os {
namespace {

/// Without it a thread does not come back from SCHED_IDLE (sched(7), RLIMIT_NICE).
bool has_sys_nice() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective >> CAP_SYS_NICE & 1) != 0;
}

}  // namespace

unsigned usable_cpus() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return static_cast<unsigned>(std::max(CPU_COUNT(&cpus), 1));
}

PriorityBoost::PriorityBoost() {
  old_policy_ = sched_getscheduler(0);
  if (old_policy_ < 0 || sched_getparam(0, &old_param_) != 0) return;
  const int plain_policy = old_policy_ & ~SCHED_RESET_ON_FORK;
  if (plain_policy == SCHED_RR || plain_policy == SCHED_FIFO) return;
  sched_param real_time{};
  real_time.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &real_time) == 0) {
    kind_ = Kind::real_time;
    return;
  }
  errno = 0;
  old_nice_ = getpriority(PRIO_PROCESS, 0);
  if (errno == 0 && setpriority(PRIO_PROCESS, 0, -20) == 0) kind_ = Kind::nice;
}

PriorityBoost::~PriorityBoost() {
  // An unprivileged thread may always lower itself; the reset-on-fork flag goes too, which only a
  // privileged one may clear, and only a privileged one or one with RLIMIT_RTPRIO could set it
  // here.
  if (kind_ == Kind::real_time && sched_setscheduler(0, old_policy_, &old_param_) != 0) {
    sched_setscheduler(0, old_policy_ | SCHED_RESET_ON_FORK, &old_param_);
  }
  if (kind_ == Kind::nice) setpriority(PRIO_PROCESS, 0, old_nice_);
}

CpuFollower::CpuFollower() {
  CPU_ZERO(&allowed_);
  usable_ = sched_getaffinity(0, sizeof allowed_, &allowed_) == 0;
  old_policy_ = sched_getscheduler(0);
  may_be_idle_ = (old_policy_ == SCHED_OTHER || old_policy_ == SCHED_BATCH) &&
                 sched_getparam(0, &old_param_) == 0 && has_sys_nice();
}

CpuFollower::~CpuFollower() {
  end_idle();
  if (at_ >= 0) sched_setaffinity(0, sizeof allowed_, &allowed_);
}

void CpuFollower::become_idle() {
  const sched_param none{};
  is_idle_ = sched_setscheduler(0, SCHED_IDLE, &none) == 0;
  looked_at_ = Clock::now();
}

void CpuFollower::end_idle() {
  if (is_idle_) sched_setscheduler(0, old_policy_, &old_param_);
  is_idle_ = false;
}

void CpuFollower::follow(int cpu) {
  const TimePoint now = is_idle_ ? Clock::now() : TimePoint{};
  if (is_idle_ && now - looked_at_ > patience) {
    end_idle();
    may_be_idle_ = false;
  }
  looked_at_ = now;
  if (may_be_idle_ && !is_idle_) become_idle();
  if (!usable_ || cpu < 0 || cpu == at_ || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed_)) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) at_ = cpu;
}

}  // namespace clew::os
