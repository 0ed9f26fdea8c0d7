#pragma once

#include <sched.h>
#include <sys/types.h>

#include "base/clock.h"

namespace clew::os {

/// How many CPUs clew may use. At least 1.
unsigned usable_cpus();

/// Raises the calling thread above ordinary ones while it lives, so that a target with many busy
/// threads does not keep its own tracer from the CPU during a stop: SCHED_RR where CAP_SYS_NICE or
/// RLIMIT_RTPRIO allow it, else a lower nice value where that is allowed, else nothing. Goes back
/// in every case when it ends.
class PriorityBoost {
 public:
  PriorityBoost();
  ~PriorityBoost();
  PriorityBoost(const PriorityBoost&) = delete;
  PriorityBoost& operator=(const PriorityBoost&) = delete;

 private:
  enum class Kind { none, real_time, nice };

  Kind kind_ = Kind::none;
  int old_policy_ = 0;
  sched_param old_param_{};
  int old_nice_ = 0;
};

/// Moves the calling thread to the CPU of the one thread that it works on, and back when it ends: a
/// stop and a resume are then a switch on one CPU, with no wake-up of another (on a virtual machine
/// that is twice as fast). The target's own affinity is never touched.
///
/// With CAP_SYS_NICE it is at SCHED_IDLE as well: a CPU that runs only such a thread counts as
/// idle, and the scheduler leaves the woken thread there. Should others want that CPU, this thread
/// would get too little of it: then it goes back for good.
class CpuFollower {
 public:
  CpuFollower();
  ~CpuFollower();
  CpuFollower(const CpuFollower&) = delete;
  CpuFollower& operator=(const CpuFollower&) = delete;

  /// Cheap when it is there already. A CPU that clew may not use is left alone. To be called again
  /// within `patience` of work; later calls mean that the CPU is wanted by others.
  void follow(int cpu);
  static constexpr auto patience = std::chrono::milliseconds(40);

 private:
  void become_idle();
  void end_idle();

  cpu_set_t allowed_{};
  bool usable_ = false;
  int at_ = -1;
  bool may_be_idle_ = false;
  bool is_idle_ = false;
  int old_policy_ = 0;
  sched_param old_param_{};
  TimePoint looked_at_{};
};

}  // namespace clew::os
