#include "os/scheduling.h"

#include <sys/resource.h>

#include <cerrno>

namespace clew::os {

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
}

CpuFollower::~CpuFollower() {
  if (at_ >= 0) sched_setaffinity(0, sizeof allowed_, &allowed_);
}

void CpuFollower::follow(int cpu) {
  if (!usable_ || cpu < 0 || cpu == at_ || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed_)) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) at_ = cpu;
}

}  // namespace clew::os
