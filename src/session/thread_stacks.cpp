#include "session/thread_stacks.h"

namespace clew {
namespace {

/// `thread apply all` goes through many; what a person looks at are a few.
constexpr size_t most_kept = 64;

}  // namespace

void ThreadStacks::forget_what_is_stale() {
  if (!tools_ || code_ != symbols_.generation()) {
    kept_.clear();
    code_ = symbols_.generation();
    tools_.emplace(symbols_, session_.inferior().arch());
  }
  if (epoch_ != session_.epoch() || kept_.size() > most_kept) kept_.clear();
  epoch_ = session_.epoch();
}

Result<const stack::Stack*> ThreadStacks::stack(ThreadId id) {
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
    kept.stack = tools_->namer.name(
        tools_->unwinder.unwind(stack::Registers(inferior.arch(), **registers), inferior));
  }
  return &kept.stack;
}

Result<ChosenFrame> ThreadStacks::selected() {
  const auto id = session_.selected();
  if (!id) return tl::unexpected(id.error());
  const auto whole = stack(*id);
  if (!whole) return tl::unexpected(whole.error());
  unsigned level = session_.selected_frame();
  if (level >= (*whole)->frames.size()) level = 0;
  ChosenFrame chosen;
  chosen.stack = *whole;
  chosen.frame = &(*whole)->frames[level];
  chosen.raw = &(*whole)->physical(*chosen.frame);
  return chosen;
}

}  // namespace clew
