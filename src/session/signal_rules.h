#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "inferior/thread.h"
#include "inferior/traps.h"

namespace clew {

/// What is done about a signal that the target is to get.
struct SignalRule {
  enum class Stop : uint8_t {
    no,
    yes,
    when_fatal,  ///< when it would end the process: a fault or an abort that has no handler
  };
  Stop stop = Stop::no;
  bool print = false;
  bool pass = true;  ///< delivered to the target
};

/// A signal that has stopped the process; its thread is held before the delivery.
struct SignalStop {
  ThreadId thread;
  int signal = 0;
  bool passed = true;  ///< it is delivered when the thread goes on
};

/// The rules for all signals, and what came of them.
class SignalRules {
 public:
  static constexpr int count = 65;  ///< signals are 1 to 64 (signal(7))

  explicit SignalRules(pid_t pid);

  const SignalRule& of(int signal) const { return rules_.at(static_cast<size_t>(signal)); }
  /// `signal` is 1 to 64.
  void set(int signal, SignalRule rule) { rules_.at(static_cast<size_t>(signal)) = rule; }

  /// To be given to RunControl::on_signal().
  SignalVerdict judge(ThreadId thread, int signal);

  std::vector<SignalStop> take_stops() { return std::exchange(stops_, {}); }
  /// One line for each signal to be told of that has not stopped anything.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

 private:
  bool is_fatal(int signal) const;

  pid_t pid_;
  std::array<SignalRule, count> rules_;
  std::vector<SignalStop> stops_;
  std::vector<std::string> lines_;
};

}  // namespace clew
