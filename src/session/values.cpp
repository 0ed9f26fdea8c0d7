#include "session/values.h"

#include <fmt/format.h>

#include "session/live_thread.h"

namespace clew {

Values::Values(Session& session, Symbols& symbols, ThreadStacks& stacks, ReadNames read_names)
    : ProcessTarget(session.inferior(), symbols, std::move(read_names)),
      session_(session),
      stacks_(stacks) {}

Status Values::write_memory(Addr address, Bytes data) {
  RunControl* const control = session_.inferior().run_control();
  if (control == nullptr)
    return fail(ErrorCode::unsupported, "the memory of a core file cannot be changed");
  auto written = control->write_memory(address, data);
  begin();
  session_.note_change();
  return written;
}

Result<std::shared_ptr<const value::Frame>> Values::frame(ThreadId thread, size_t level) {
  auto stack = stacks_.stack(thread);
  if (!stack) return tl::unexpected(stack.error());
  auto frame = value::Frame::make(std::move(*stack), level, this->thread(thread));
  if (frame == nullptr)
    return fail(ErrorCode::not_found, fmt::format("there is no frame {}", level));
  return frame;
}

std::shared_ptr<const value::ThreadState> Values::thread(
    ThreadId id, std::optional<arch::GeneralRegisters> registers) {
  return std::make_shared<LiveThread>(session_.inferior(), id, registers,
                                      [this] { session_.note_change(); });
}

Result<std::shared_ptr<const value::Frame>> Values::selected_frame(std::optional<size_t> level) {
  const auto chosen = stacks_.selected();
  if (!chosen) return tl::unexpected(chosen.error());
  std::shared_ptr<const value::ThreadState> state;
  if (chosen->is_parked) {
    // On no thread: nothing is known but what its stack has.
    state = std::make_shared<value::ThreadState>();
  } else {
    const auto id = session_.selected();
    if (!id) return tl::unexpected(id.error());
    state = thread(*id);
  }
  auto frame = value::Frame::make(chosen->stack, level.value_or(chosen->frame->level), state);
  if (frame == nullptr) return fail(ErrorCode::not_found, "there is no such frame");
  return frame;
}

std::shared_ptr<const value::Frame> Values::frame_of(ThreadId id,
                                                     const arch::GeneralRegisters& registers) {
  const auto with_its_caller = [this, registers] { return stacks_.innermost(registers, 2); };
  return value::Frame::make(stacks_.innermost(registers, 1), 0, thread(id, registers),
                            with_its_caller);
}

std::shared_ptr<const value::Frame> Values::function_frame_of(
    ThreadId id, const arch::GeneralRegisters& registers) {
  auto stack = stacks_.innermost(registers, 2);
  size_t level = 0;
  while (level + 1 < stack->frames.size() && stack->frames[level + 1].physical == 0) ++level;
  return value::Frame::make(std::move(stack), level, thread(id, registers));
}

}  // namespace clew
