#pragma once

#include <optional>
#include <unordered_map>

#include "arch/displace.h"
#include "base/memory_reader.h"
#include "session/skip_rules.h"
#include "session/step_plan.h"
#include "session/symbols.h"
#include "sym/code.h"

namespace clew {

/// Leads a thread to the beginning of another line of its function, or of its caller's when the
/// function returns. Calls are run through, or entered when the function has lines; so are copies
/// of inlined functions. Code without lines (line 0, PLT, resolvers) is passed.
class LineStep : public StepPlan {
 public:
  enum class Calls : uint8_t { over, into };
  /// Whether a jump back in the same function ends the step: at the end of a loop it does not.
  enum class Loops : uint8_t { stop, pass };

  /// All must outlive it.
  LineStep(Calls calls, Loops loops, const SkipRules& skips, Symbols& symbols, MemoryReader& memory,
           const arch::Arch& arch)
      : calls_(calls),
        loops_(loops),
        skips_(skips),
        symbols_(symbols),
        memory_(memory),
        arch_(arch) {}

  StepMove next(const arch::GeneralRegisters& registers) override;
  StepMove escaped(const arch::GeneralRegisters& registers) override;
  std::string remark() const override { return remark_; }

 private:
  /// The function that an address belongs to, and how many inlined copies deep it is there.
  struct Place {
    std::optional<Addr> entry;
    size_t depth = 0;
    std::optional<sym::LineRange> line;  ///< of the file's own addresses
    uint64_t bias = 0;

    bool has_line() const { return line && line->line.line != 0; }
  };

  StepMove begin();
  /// Whether the thread is somewhere else than the instruction that it has made leads to: in the
  /// handler of a signal.
  bool is_diverted(Addr from, uint64_t sp_before) const;
  StepMove after_call(Addr from);
  StepMove in_trampoline();
  /// Whether the function that the thread is at the beginning of is to be entered.
  bool is_entered(const Place& place) const;
  StepMove enter(const Place& place);
  StepMove returned();
  StepMove arrived_elsewhere();
  /// How the instruction that the thread stands at is got behind.
  StepMove over_instruction();
  Place place_at(Addr address) const;
  bool is_start_line(const Place& place) const;
  const arch::InstructionInfo& instruction_at(Addr address);
  std::optional<uint64_t> word_at(uint64_t address) const;
  bool is_in_range(Addr address) const {
    return address.value >= range_start_ && address.value < range_end_;
  }
  void stay_in(const Place& place);

  Calls calls_;
  Loops loops_;
  const SkipRules& skips_;
  Symbols& symbols_;
  MemoryReader& memory_;
  const arch::Arch& arch_;
  bool begun_ = false;
  Addr pc_;
  uint64_t sp_ = 0;
  bool in_syscall_ = false;
  arch::InstructionInfo before_;  ///< what was executed last
  Place start_;
  Addr start_pc_;
  uint64_t range_start_ = 0, range_end_ = 0;   ///< code in which nothing has to be looked up
  std::optional<StepMove::Target> return_to_;  ///< where a function that is being entered returns
  bool in_trampoline_ = false;
  bool is_entering_ = false;  ///< the next stop is the end
  bool is_returning_ = false;
  unsigned trampoline_steps_ = 0;
  std::unordered_map<uint64_t, arch::InstructionInfo> instructions_;
  std::string remark_;
};

}  // namespace clew
