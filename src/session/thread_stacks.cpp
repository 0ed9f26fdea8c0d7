#include "session/thread_stacks.h"

#include <fmt/format.h>

namespace clew {
namespace {

/// `thread apply all` goes through many; what a person looks at are a few.
constexpr size_t most_kept = 64;

}  // namespace

stack::RawStack unwind_parked(const go::Goroutine& goroutine, const arch::Arch& arch,
                              stack::Unwinder& unwinder, MemoryReader& memory) {
  const arch::FrameFacts& facts = arch.frames;
  stack::Registers registers;
  registers.set(facts.return_address, goroutine.pc.value);
  registers.set(facts.stack_pointer, goroutine.sp.value);
  if (goroutine.fp.value != 0) registers.set(facts.frame_pointer, goroutine.fp.value);
  return unwinder.unwind(
      registers, memory, stack::Unwinder::usual_frames,
      goroutine.is_exact ? stack::FrameOrigin::registers : stack::FrameOrigin::runtime);
}

ThreadStacks::Tools& ThreadStacks::tools() {
  if (!tools_ || code_ != symbols_.generation()) {
    kept_.clear();
    parked_.clear();
    code_ = symbols_.generation();
    tools_.emplace(symbols_, session_.inferior().arch());
  }
  return *tools_;
}

void ThreadStacks::forget_what_is_stale() {
  tools();
  if (epoch_ != session_.epoch() || kept_.size() > most_kept) kept_.clear();
  if (epoch_ != session_.epoch() || parked_.size() > most_kept) parked_.clear();
  epoch_ = session_.epoch();
}

Result<std::shared_ptr<const stack::Stack>> ThreadStacks::stack(ThreadId id) {
  Inferior& inferior = session_.inferior();
  const auto registers = inferior.general(id);
  if (!registers) return tl::unexpected(registers.error());
  if (inferior.arch().is_compat(**registers))
    return fail(ErrorCode::unsupported, "a 32-bit program: clew cannot unwind its stacks");
  forget_what_is_stale();
  const auto [found, is_new] = kept_.try_emplace(id.number);
  Kept& kept = found->second;
  // The user can have changed a register since.
  if (is_new || kept.registers.bytes != (*registers)->bytes) {
    kept.registers = **registers;
    const auto machine = [&]() -> const go::Machine* {
      const auto of = goroutines_.machine_of(id);
      return of ? *of : nullptr;
    };
    tools_->go.set_thread(machine);
    kept.stack = std::make_shared<const stack::Stack>(tools_->namer.name(
        tools_->unwinder.unwind(stack::Registers(inferior.arch(), **registers), inferior)));
    tools_->go.set_thread({});
  }
  return kept.stack;
}

std::shared_ptr<const stack::Stack> ThreadStacks::innermost(const arch::GeneralRegisters& registers,
                                                            unsigned physical_frames) {
  Inferior& inferior = session_.inferior();
  return std::make_shared<const stack::Stack>(tools().namer.name(tools().unwinder.unwind(
      stack::Registers(inferior.arch(), registers), inferior, physical_frames)));
}

stack::RawStack ThreadStacks::unwind(const arch::GeneralRegisters& registers, size_t most_frames) {
  Inferior& inferior = session_.inferior();
  return tools().unwinder.unwind(stack::Registers(inferior.arch(), registers), inferior,
                                 most_frames);
}

Result<std::shared_ptr<const stack::Stack>> ThreadStacks::goroutine_stack(uint64_t id) {
  const auto found = goroutines_.find(id);
  if (!found) return tl::unexpected(found.error());
  const go::Goroutine& goroutine = **found;
  if (goroutine.thread != 0) {
    const auto thread = session_.find_tid(goroutine.thread);
    return thread ? stack(*thread) : tl::unexpected<Error>(thread.error());
  }
  if (goroutine.has_broken_stack) {
    return fail(
        ErrorCode::bad_data,
        fmt::format("the stack of goroutine {} makes no sense: its stack pointer, {:#x}, "
                    "does not lie between {:#x} and {:#x}",
                    id, goroutine.sp.value, goroutine.stack_low.value, goroutine.stack_high.value));
  }
  forget_what_is_stale();
  const auto [kept, is_new] = parked_.try_emplace(id);
  if (is_new) {
    Inferior& inferior = session_.inferior();
    kept->second = std::make_shared<const stack::Stack>(
        tools_->namer.name(unwind_parked(goroutine, inferior.arch(), tools_->unwinder, inferior)));
  }
  return kept->second;
}

Result<ChosenFrame> ThreadStacks::selected() {
  const auto& goroutine = session_.selected_goroutine();
  const bool is_parked = goroutine && goroutine->is_parked;
  const auto id = session_.selected();
  if (!is_parked && !id) return tl::unexpected(id.error());
  const auto whole = is_parked ? goroutine_stack(goroutine->id) : stack(*id);
  if (!whole) return tl::unexpected(whole.error());
  unsigned level = session_.selected_frame();
  if (level >= (*whole)->frames.size()) level = 0;
  ChosenFrame chosen;
  chosen.is_parked = is_parked;
  chosen.stack = *whole;
  chosen.frame = &(*whole)->frames[level];
  chosen.raw = &(*whole)->physical(*chosen.frame);
  return chosen;
}

}  // namespace clew
