// Commands that move a thread by hand: to another place in the code, or out of a frame.

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"

namespace clew::cli {
namespace {

/// The thread that is to be moved, with every thread held.
Result<ThreadId> movable_thread(Debugger& debugger) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  return (*session)->selected();
}

Status write_registers(Session& session, ThreadId id, arch::GeneralRegisters registers) {
  const arch::Arch& arch = session.inferior().arch();
  // No system call is to be restarted where the thread goes on.
  registers.set_word(arch.syscall_number, ~uint64_t{0});
  session.note_change();
  return session.inferior().run_control()->write_general(id, registers);
}

std::string function_at(Debugger& debugger, Addr address) {
  return debugger.symbols().place(address).function;
}

Status jump(Debugger& debugger, const Arguments& arguments) {
  const auto id = movable_thread(debugger);
  if (!id) return tl::unexpected(id.error());
  if (arguments.text.empty())
    return fail(ErrorCode::bad_request, "jump to where? `jump LOCATION`, as in jump 12");
  const auto places = find_stops(debugger, arguments.text);
  if (!places) return tl::unexpected(places.error());
  if (places->size() != 1) {
    return fail(ErrorCode::bad_request, fmt::format("{} is {} places: name one, as *ADDRESS",
                                                    printable(arguments.text), places->size()));
  }
  const auto session = debugger.session();
  Inferior& inferior = (*session)->inferior();
  const auto now = inferior.general(*id);
  if (!now) return tl::unexpected(now.error());
  const Addr to = places->front().stop;
  const Addr from{inferior.arch().pc_of(**now)};
  const std::string here = function_at(debugger, from), there = function_at(debugger, to);
  if (here != there && debugger.is_interactive() &&
      !debugger.confirm(fmt::format("{} is not in {}, and its frame is not this one: jump there?",
                                    printable(arguments.text), printable(here))))
    return {};
  arch::GeneralRegisters moved = **now;
  moved.set_word(inferior.arch().pc, to.value);
  if (auto written = write_registers(**session, *id, moved); !written) return written;
  return debugger.go_on(false);
}

/// The registers with which the caller of the selected frame would go on.
Result<arch::GeneralRegisters> caller_registers(Debugger& debugger, ThreadId id) {
  const auto frame = debugger.stacks().selected();
  if (!frame) return tl::unexpected(frame.error());
  const size_t outer = frame->frame->physical + size_t{1};
  if (outer >= frame->stack->raw.frames.size())
    return fail(ErrorCode::unavailable, "the selected frame is the outermost: it has no caller");
  Inferior& inferior = debugger.session().value()->inferior();
  const auto now = inferior.general(id);
  if (!now) return tl::unexpected(now.error());
  arch::GeneralRegisters back = **now;
  const stack::RawFrame& caller = frame->stack->raw.frames[outer];
  if (stack::is_guess(caller.origin)) {
    return fail(ErrorCode::unavailable,
                "the caller was only guessed: there is no unwind information for this frame");
  }
  for (const arch::RegisterInfo& info : inferior.arch().registers) {
    if (info.block != arch::RegisterBlock::general || info.dwarf < 0) continue;
    if (const auto word = caller.registers.word(static_cast<unsigned>(info.dwarf)))
      back.set_word(info.offset, *word);
  }
  back.set_word(inferior.arch().pc, caller.pc.value);
  return back;
}

Status return_from_frame(Debugger& debugger, const Arguments& arguments) {
  const auto id = movable_thread(debugger);
  if (!id) return tl::unexpected(id.error());
  std::optional<uint64_t> value;
  if (!arguments.text.empty()) {
    const auto computed = debugger.evaluate(arguments.text);
    if (!computed) return tl::unexpected(computed.error());
    value = *computed;
  }
  auto registers = caller_registers(debugger, *id);
  if (!registers) return tl::unexpected(registers.error());
  const auto session = debugger.session();
  const arch::Arch& arch = (*session)->inferior().arch();
  if (value) registers->set_word(arch.syscall_result, *value);
  if (debugger.is_interactive() &&
      !debugger.confirm("leave the selected frame now, without the rest of its function?"))
    return {};
  if (auto written = write_registers(**session, *id, *registers); !written) return written;
  (*session)->select_frame(0);
  debugger.console().out(debugger.describe_selection());
  return {};
}

const DebugCommand frame_list[] = {
    {"jump",
     {"j"},
     "LOCATION",
     "let the selected thread go on at LOCATION",
     "Nothing but its pc changes; the others run too.",
     jump,
     true},
    {"return",
     {},
     "[VALUE]",
     "leave the selected frame at once, as if it had returned VALUE",
     "What it would still have done, destructors too, is not done.",
     return_from_frame,
     true},
};

}  // namespace

std::span<const DebugCommand> frame_commands() { return frame_list; }

}  // namespace clew::cli
