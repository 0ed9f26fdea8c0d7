// Steps by lines and by places: one thread is led, with a rule for the others (`set step-others`).

#include <dwarf.h>
#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "session/go_step.h"
#include "session/line_step.h"
#include "session/reach_step.h"
#include "session/repeated_step.h"
#include "session/return_value.h"

namespace clew::cli {
namespace {

Result<uint64_t> count_of(const std::string& text) {
  uint64_t count = 1;
  if (text.empty()) return count;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || at != end || count == 0) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no number of steps", printable(text)));
  }
  return count;
}

/// What a step of a thread with these registers has to know of Go; nothing where it runs no
/// goroutine.
std::optional<GoStepTools> go_tools(Debugger& debugger, const arch::GeneralRegisters& registers) {
  const auto session = debugger.session();
  const auto runtime = session ? debugger.goroutines().runtime() : tl::unexpected(session.error());
  if (!runtime) return std::nullopt;
  Inferior& inferior = (*session)->inferior();
  // In C, and in the scheduler, a thread is on another stack and goes its own way.
  const auto runs = debugger.goroutines().running(registers);
  if (!runs || !runs->is_on_stack(inferior.arch().sp_of(registers))) return std::nullopt;
  constexpr size_t most_frames = 64;
  return GoStepTools{**runtime,
                     debugger.symbols(),
                     inferior,
                     inferior.arch(),
                     debugger.skips,
                     [&stacks = debugger.stacks()](const arch::GeneralRegisters& at) {
                       return stacks.unwind(at, most_frames);
                     }};
}

std::unique_ptr<StepPlan> plan_lines(Debugger& debugger, Session& session, LineStep::Calls calls,
                                     LineStep::Loops loops,
                                     const arch::GeneralRegisters& registers) {
  if (const auto tools = go_tools(debugger, registers)) {
    return std::make_unique<GoStep>(
        make_go_line_step(calls, loops, *tools),
        calls == LineStep::Calls::into ? GoStep::Kind::lines_into : GoStep::Kind::lines_over,
        *tools);
  }
  Inferior& inferior = session.inferior();
  return std::make_unique<LineStep>(calls, loops, debugger.skips, debugger.symbols(), inferior,
                                    inferior.arch());
}

Result<std::unique_ptr<StepPlan>> plan_reach(Debugger& debugger,
                                             std::vector<StepMove::Target> targets) {
  const auto session = debugger.held_session();
  const auto thread = session ? (*session)->selected() : tl::unexpected(session.error());
  if (!thread) return tl::unexpected(thread.error());
  const auto registers = (*session)->inferior().general(*thread);
  if (!registers) return tl::unexpected(registers.error());
  std::unique_ptr<StepPlan> reach = std::make_unique<ReachStep>(std::move(targets));
  if (const auto tools = go_tools(debugger, **registers))
    return std::make_unique<GoStep>(std::move(reach), GoStep::Kind::places, *tools);
  return reach;
}

/// The same step so many times: the user sees the end of the last.
Status repeat(Debugger& debugger, const std::string& times, RepeatedStep::Make make) {
  const auto count = count_of(times);
  if (!count) return tl::unexpected(count.error());
  const auto ended = debugger.follow(std::make_unique<RepeatedStep>(std::move(make), *count));
  return ended ? Status() : tl::unexpected(ended.error());
}

/// The selected goroutine, when it is on no thread.
std::optional<uint64_t> parked_goroutine(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return std::nullopt;
  const auto& selected = (*session)->selected_goroutine();
  return selected && !(*session)->selected() ? std::optional(selected->id) : std::nullopt;
}

/// Where a parked goroutine comes back to the source: behind the call in which it waits.
Result<Addr> place_after_waiting(Debugger& debugger) {
  const auto chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  for (const stack::RawFrame& frame : chosen->stack->raw.frames) {
    if (!is_hidden_code(debugger.symbols(), frame.lookup)) return frame.pc;
  }
  return fail(ErrorCode::unavailable, "this goroutine is the runtime's own: it has no source");
}

/// A parked goroutine can be led once it is on a thread: lets the program run until it comes to
/// `place`. @return false when something else has stopped the process or it has ended.
Result<bool> wait_for_goroutine(Debugger& debugger, uint64_t id, Addr place) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  BreakpointRequest request;
  request.location = fmt::format("*{:#x}", place.value);
  request.goroutine = id;
  request.temporary = true;
  const auto added = (*session)->breakpoints().add(std::move(request), false);
  if (!added) return tl::unexpected(added.error());
  const unsigned number = (*added)->number;
  const NamedPlace& named = debugger.symbols().place(place, true);
  debugger.console().out(
      fmt::format("goroutine {} is on no thread: the program runs until it comes back to {}\n", id,
                  printable(named.function)));
  if (auto running = debugger.go_on(true); !running) return tl::unexpected(running.error());
  debugger.wait_for_stop(Deadline::never());
  const auto current = debugger.session();
  if (!current || !(*current)->is_holding()) return false;
  if (debugger.has_news()) debugger.print_news();
  const bool has_come = debugger.last_breakpoint() == number;
  if (!has_come) (void)(*current)->breakpoints().remove(number);
  return has_come;
}

/// The same to where it comes back to the source.
Result<bool> wait_for_source(Debugger& debugger, uint64_t id) {
  if (const auto held = debugger.held_session(); !held) return tl::unexpected(held.error());
  const auto place = place_after_waiting(debugger);
  if (!place) return tl::unexpected(place.error());
  return wait_for_goroutine(debugger, id, *place);
}

Status step_lines(Debugger& debugger, const Arguments& arguments, LineStep::Calls calls,
                  LineStep::Loops loops = LineStep::Loops::stop) {
  if (const auto parked = parked_goroutine(debugger)) {
    const auto has_come = wait_for_source(debugger, *parked);
    if (!has_come || !*has_come) return has_come ? Status() : tl::unexpected(has_come.error());
  }
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  return repeat(debugger, arguments.text,
                [&debugger, current = *session, calls, loops](const auto& registers) {
                  return plan_lines(debugger, *current, calls, loops, registers);
                });
}

Status step_into(Debugger& debugger, const Arguments& arguments) {
  return step_lines(debugger, arguments, LineStep::Calls::into);
}

Status step_over(Debugger& debugger, const Arguments& arguments) {
  return step_lines(debugger, arguments, LineStep::Calls::over);
}

Status run_to(Debugger& debugger, std::vector<StepMove::Target> targets) {
  auto plan = plan_reach(debugger, std::move(targets));
  if (!plan) return tl::unexpected(plan.error());
  const auto ended = debugger.follow(std::move(*plan));
  return ended ? Status() : tl::unexpected(ended.error());
}

/// Instructions, with calls as one.
Status step_over_instruction(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  Inferior& inferior = (*session)->inferior();
  return repeat(debugger, arguments.text, [&inferior](const arch::GeneralRegisters&) {
    return std::make_unique<InstructionStep>(inferior, inferior.arch());
  });
}

/// Where the selected frame returns to.
Result<StepMove::Target> selected_return(Debugger& debugger) {
  const auto frame = debugger.stacks().selected();
  if (!frame) return tl::unexpected(frame.error());
  return return_target(frame->stack->raw, frame->frame->physical);
}

/// What the function has returned, where its debug information tells.
void show_returned(Debugger& debugger, const sym::LoadedModule& loaded,
                   const sym::FunctionAt& function) {
  const auto session = debugger.session();
  const auto thread = session ? (*session)->selected() : tl::unexpected(session.error());
  if (!thread || function.die.addr == nullptr) return;
  ValueScope scope = debugger.value_scope();
  value::PrintOptions options = debugger.view.options;
  options.pointer_types = true;
  const auto show = [&](const std::string& name, const value::Value& value) {
    const std::string text = value_text(value, scope.printers(), options);
    debugger.console().out(fmt::format("value returned{}: ${} = {}\n",
                                       name.empty() ? "" : " (" + printable(name) + ")",
                                       debugger.history().add(value), text));
  };
  if (function.language == DW_LANG_Go) {
    for (const value::GoResult& result :
         go_return_values(scope.values(), loaded.module, function.die, *thread)) {
      if (result.value)
        show(result.name, *result.value);
      else
        debugger.console().warn("a result is not known: " + result.value.error().text);
    }
    return;
  }
  const auto value = return_value(scope.values(), loaded.module, function.die, *thread);
  if (value && *value) show({}, **value);
}

/// False where an exception or a longjmp has led past the caller.
bool has_returned_to(Debugger& debugger, Addr address) {
  const auto session = debugger.session();
  const auto thread = session ? (*session)->selected() : tl::unexpected(session.error());
  if (!thread) return false;
  Inferior& inferior = (*session)->inferior();
  const auto registers = inferior.general(*thread);
  return registers && inferior.arch().pc_of(**registers) == address.value;
}

/// The frame that `finish` is to leave: of that level, or the selected one.
Status choose_frame(Debugger& debugger, const std::string& text) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  if (text.empty()) return {};
  unsigned level = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, level);
  if (error != std::errc() || at != end) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no level of a frame: see `bt`", printable(text)));
  }
  const auto chosen = debugger.stacks().selected();
  if (!chosen) return tl::unexpected(chosen.error());
  if (level >= chosen->stack->frames.size()) {
    return fail(ErrorCode::not_found, fmt::format("there is no frame {}: the outermost is {}",
                                                  level, chosen->stack->frames.size() - 1));
  }
  (*session)->select_frame(level);
  return {};
}

Status finish(Debugger& debugger, const Arguments& arguments) {
  if (auto chosen = choose_frame(debugger, arguments.text); !chosen) return chosen;
  const auto frame = debugger.stacks().selected();
  if (!frame) return tl::unexpected(frame.error());
  // An inlined copy returns nothing by itself; the function that it is in may.
  const auto function = frame->frame->function;
  const auto module = frame->frame->module;
  auto target = return_target(frame->stack->raw, frame->frame->physical);
  if (!target) return tl::unexpected(target.error());
  if (const auto parked = parked_goroutine(debugger)) {
    // Its stack may be moved until it goes on: the frame is known by those that are around it.
    const size_t around = frame->stack->raw.frames.size() - frame->frame->physical;
    const auto has_come = wait_for_source(debugger, *parked);
    if (!has_come || !*has_come) return has_come ? Status() : tl::unexpected(has_come.error());
    const auto now = debugger.stacks().selected();
    if (!now) return tl::unexpected(now.error());
    const size_t count = now->stack->raw.frames.size();
    // It was the runtime's own, which has returned with that.
    if (around > count) return {};
    target = return_target(now->stack->raw, count - around);
    if (!target) return tl::unexpected(target.error());
  }
  auto plan = plan_reach(debugger, {*target});
  if (!plan) return tl::unexpected(plan.error());
  const auto ended = debugger.follow(std::move(*plan));
  if (!ended) return tl::unexpected(ended.error());
  if (*ended && module && !function.is_inlined && has_returned_to(debugger, target->address))
    show_returned(debugger, *module, function);
  return {};
}

Status advance(Debugger& debugger, const Arguments& arguments) {
  if (const auto session = debugger.held_session(); !session)
    return tl::unexpected(session.error());
  if (arguments.text.empty())
    return fail(ErrorCode::bad_request, "advance to where? `advance LOCATION`, as in advance 12");
  const auto places = find_stops(debugger, arguments.text);
  if (!places) return tl::unexpected(places.error());
  if (const auto parked = parked_goroutine(debugger)) {
    const auto has_come = wait_for_source(debugger, *parked);
    if (!has_come || !*has_come) return has_come ? Status() : tl::unexpected(has_come.error());
  }
  std::vector<StepMove::Target> targets;
  for (const CodeLocation& place : *places) targets.push_back({place.stop, std::nullopt});
  // Where the frame returns earlier, it ends there; an outermost one does not return.
  if (const auto back = selected_return(debugger)) targets.push_back(*back);
  return run_to(debugger, std::move(targets));
}

/// As gdb has it: with a place it is `advance`, without one `next` that loops do not hold up.
Status until(Debugger& debugger, const Arguments& arguments) {
  if (!arguments.text.empty()) return advance(debugger, arguments);
  return step_lines(debugger, arguments, LineStep::Calls::over, LineStep::Loops::pass);
}

Status set_step_others(Debugger& debugger, const std::string& value) {
  StepOthers& others = debugger.step_others;
  if (value == "run") {
    others = StepOthers::run;
  } else if (value == "hold") {
    others = StepOthers::hold;
  } else if (value == "auto") {
    others = StepOthers::automatic;
  } else {
    return fail(ErrorCode::bad_request, "usage: set step-others run|hold|auto");
  }
  return {};
}

std::string show_step_others(Debugger& debugger) {
  switch (debugger.step_others) {
    case StepOthers::run:
      return "run\n";
    case StepOthers::hold:
      return "hold\n";
    case StepOthers::automatic:
      break;
  }
  return "auto\n";
}

const Setting step_setting[] = {
    {"step-others", "run|hold|auto",
     "what the other threads do during a step; auto holds them for 100 ms", set_step_others,
     nullptr, show_step_others},
};

const DebugCommand step_list[] = {
    {"step",
     {"s"},
     "[N]",
     "to the next line, into functions that have lines (N times)",
     "The other threads are held, and run when that takes more than 100 ms: see `show "
     "step-others`.\n"
     "A breakpoint, a signal that stops and Ctrl-C end a step early.",
     step_into},
    {"next",
     {"n"},
     "[N]",
     "to the next line of this function, through calls (N times)",
     "Inlined functions, signal handlers and recursion are passed; a return leads to the caller, "
     "an\n"
     "exception or a longjmp to the line where the thread goes on.",
     step_over},
    {"nexti",
     {"ni"},
     "[N]",
     "one instruction, a call with all that it does (N times)",
     "",
     step_over_instruction},
    {"finish",
     {"fin", "stepout", "so"},
     "[LEVEL]",
     "run until the selected frame, or that of a LEVEL, returns, and show what it returned",
     "An exception or a longjmp that leaves the frame ends it too, where the thread goes on.",
     finish},
    {"until",
     {"u"},
     "[LOCATION]",
     "to the next line behind this one, through loops; with LOCATION as `advance`",
     "",
     until},
    {"advance",
     {},
     "LOCATION",
     "run the selected thread until it is at LOCATION, or its function returns",
     "The LOCATION is as for `break`; other threads that come by there are not stopped.",
     advance},
};

}  // namespace

std::span<const DebugCommand> step_commands() { return step_list; }
std::span<const Setting> step_settings() { return step_setting; }

}  // namespace clew::cli
