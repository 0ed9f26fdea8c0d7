#pragma once

#include <sched.h>
#include <sys/types.h>
#include <sys/user.h>

#include <optional>
#include <string>
#include <vector>

#include "arch/displace.h"

namespace clew::test {

/// A traced child in which single instructions are run: as they are, by PTRACE_SINGLESTEP, and from
/// a slot. Its memory is shared with the test, and it runs nothing but these instructions.
class InstructionLab {
 public:
  InstructionLab();
  ~InstructionLab();
  InstructionLab(const InstructionLab&) = delete;
  InstructionLab& operator=(const InstructionLab&) = delete;

  static constexpr Addr text{0x40000000};
  static constexpr Addr near_slot{0x40100000};
  static constexpr Addr far_slot{0x340000000};

  struct Verdict {
    std::string trouble;           ///< empty: the slot did what the original did
    std::optional<Error> refused;  ///< no slot was made
    int signal = 0;                ///< what the original met; 0: it came through
    bool has_jumped = false;       ///< it went elsewhere than to the next instruction
    unsigned settled = 0;          ///< in how many places inside the slot it was looked at
  };

  /// Tries one instruction. Displacements and branch targets are changed so that they lie in the
  /// lab; registers and memory are random, but such that operands are where memory is. The same
  /// `seed` does the same again.
  Verdict try_out(std::vector<std::byte> instruction, Addr slot, uint64_t seed);

 private:
  struct State {
    user_regs_struct registers{};
    std::vector<std::byte> extended;
  };
  struct Outcome {
    int signal = 0;
    State state;
    std::vector<std::byte> memory;
  };
  class Setting;
  class Trial;

  user_regs_struct registers() const;
  void set_registers(const user_regs_struct& registers) const;
  State state() const;
  void set_state(const State& state) const;
  /// @return the signal that the child stops with.
  int resume(int request) const;
  Outcome outcome(int signal) const;

  pid_t pid_ = 0;
  cpu_set_t former_cpus_{};
  State first_;
};

}  // namespace clew::test
