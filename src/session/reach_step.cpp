#include "session/reach_step.h"

#include <array>

#include "arch/disassemble.h"
#include "arch/displace.h"

namespace clew {

StepMove InstructionStep::next(const arch::GeneralRegisters& registers) {
  if (std::exchange(begun_, true)) return StepMove::done();
  const Addr pc{arch_.pc_of(registers)};
  // A call that was broken off is made again: the thread comes back to where it stands.
  if (arch_.in_syscall(registers)) return StepMove::back_to(pc, arch_.sp_of(registers));
  std::array<std::byte, arch::longest_instruction> bytes{};
  const auto read = memory_.read_memory(pc, bytes);
  const auto info = arch::inspect(std::span(bytes).first(read.value_or(0)), pc);
  if (!info || !(info->is_call || info->is_syscall)) return StepMove::one();
  return StepMove::run_call({{pc + info->length, arch_.sp_of(registers)}});
}

Result<StepMove::Target> return_target(const stack::RawStack& stack, size_t physical) {
  if (stack.frames.size() < physical + 2) {
    return fail(ErrorCode::not_found,
                "this frame has no caller that is known: it is the outermost");
  }
  const stack::RawFrame& frame = stack.frames[physical];
  const stack::RawFrame& caller = stack.frames[physical + 1];
  if (stack::is_guess(caller.origin)) {
    return fail(ErrorCode::not_found,
                "the caller of this frame is only a guess: nothing is set to stop there");
  }
  // A call's frame address is the stack pointer behind its return (DWARF 5, 6.4).
  StepMove::Target target{caller.pc, std::nullopt};
  if (!frame.is_signal_frame && frame.cfa.value != 0) target.sp = frame.cfa.value;
  return target;
}

}  // namespace clew
