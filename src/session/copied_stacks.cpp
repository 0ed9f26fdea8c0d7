#include "session/copied_stacks.h"

#include "arch/arch.h"

namespace clew {

CopiedStacks::CopiedStacks(const StackCapture& capture, const GoCapture* go,
                           const sym::ModuleMap& modules, std::vector<os::Mapping> code,
                           MemoryReader& live)
    : capture_(capture),
      go_(go),
      live_(live),
      go_frames_(modules),
      unwinder_(modules, std::move(code), arch::native()),
      namer_(modules) {
  if (go_frames_.has_go()) unwinder_.set_runtime(&go_frames_);
}

stack::RawStack CopiedStacks::walk(size_t thread) {
  const StackCapture::Captured& captured = capture_.threads()[thread];
  stack::StackCopy memory(captured.memory, unwinder_.code(), live_);
  if (go_ != nullptr) go_frames_.set_thread([this, thread] { return go_->machine(thread); });
  return unwinder_.unwind(stack::Registers(arch::native(), *captured.registers), memory);
}

}  // namespace clew
