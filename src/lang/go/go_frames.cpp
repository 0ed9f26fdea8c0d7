#include "lang/go/go_frames.h"

#include <dwarf.h>

#include <algorithm>
#include <array>

#include "arch/arch.h"
#include "lang/go/build_info.h"
#include "lang/go/code_facts.h"
#include "sym/code.h"

namespace clew::go {
namespace {

using stack::StackSwitch;

const arch::FrameFacts& frame_facts() { return arch::native().frames; }

uint64_t sp_of(const stack::RawFrame& frame) {
  return frame.registers.word(frame_facts().stack_pointer).value_or(0);
}

}  // namespace

GoFrames::GoFrames(sym::ModuleMap modules) : modules_(std::move(modules)) {
  const auto& all = modules_.modules();
  has_go_ = std::any_of(all.begin(), all.end(), [](const sym::LoadedModule& loaded) {
    return is_go_image(loaded.module->image());
  });
}

GoFrames::Crossing GoFrames::crossing_of(std::string_view function) {
  constexpr std::array<std::pair<std::string_view, Crossing>, 13> names{{
      {"runtime.systemstack", Crossing::to_system},
      {"runtime.mcall", Crossing::leave},
      {"runtime.morestack", Crossing::leave},
      {"runtime.morestack_noctxt", Crossing::leave},
      {"runtime.asmcgocall", Crossing::to_c},
      {"runtime.cgocallback", Crossing::from_c},
      {"runtime.nanotime1", Crossing::to_vdso},
      {"runtime.walltime", Crossing::to_vdso},
      {"time.now", Crossing::to_vdso},
      {"runtime.vgetrandom1", Crossing::to_vdso},
      {"runtime.schedule", Crossing::scheduling},
      {"runtime.systemstack_switch", Crossing::noted},
      {"runtime.cgocall", Crossing::calls_c},
  }};
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const auto& name) { return name.first == function; });
  return found == names.end() ? Crossing::none : found->second;
}

const GoFrames::Known& GoFrames::known(Addr lookup) {
  constexpr size_t most_known = 65'536;
  if (known_.size() >= most_known && !known_.contains(lookup.value)) known_.clear();
  const auto [found, is_new] = known_.try_emplace(lookup.value);
  if (is_new) found->second = look_up(lookup);
  return found->second;
}

stack::RuntimeFrameFacts GoFrames::facts(const stack::RawFrame& frame) {
  const Known& what = known(frame.lookup);
  stack::RuntimeFrameFacts facts = what.facts;
  // Until it has changed stacks, mcall is a function like any other.
  if (facts.is_outermost && what.crossing == Crossing::leave) {
    const Machine* const on = machine();
    facts.is_outermost = on == nullptr || on->goroutine == 0 || !on->current.holds(sp_of(frame));
  }
  return facts;
}

GoFrames::Known GoFrames::look_up(Addr lookup) const {
  Known found;
  const sym::LoadedModule* const loaded = modules_.find(lookup);
  if (loaded == nullptr || !is_go_image(loaded->module->image())) return found;
  const auto functions = sym::functions_at(*loaded->module, loaded->to_file(lookup));
  if (functions.empty() || functions.back().language != DW_LANG_Go) return found;
  const std::string_view name = without_abi(functions.back().name);
  found.facts.is_own = true;
  found.facts.is_outermost = is_outermost_function(name);
  found.facts.interrupts = is_interruption(name);
  found.crossing = crossing_of(name);
  found.facts.may_note_place = found.crossing == Crossing::from_c;
  return found;
}

void GoFrames::begin_stack() {
  machine_ = nullptr;
  has_asked_ = false;
  is_scheduling_ = false;
  callback_sp_ = 0;
}

const Machine* GoFrames::machine() {
  if (!has_asked_ && find_machine_) {
    machine_ = find_machine_();
    if (machine_ != nullptr) callback_sp_ = machine_->system.saved_sp;
  }
  has_asked_ = true;
  return machine_;
}

std::optional<StackSwitch> GoFrames::switch_at(const stack::RawFrame& frame, MemoryReader& memory) {
  const Crossing crossing = known(frame.lookup).crossing;
  if (crossing == Crossing::scheduling) is_scheduling_ = true;
  if (crossing == Crossing::none || crossing == Crossing::scheduling ||
      crossing == Crossing::noted || crossing == Crossing::calls_c) {
    return std::nullopt;
  }
  const Machine* const on = machine();
  if (on == nullptr) return std::nullopt;
  const bool is_on_goroutine = on->goroutine != 0 && on->current.holds(sp_of(frame));
  switch (crossing) {
    case Crossing::to_system:
    case Crossing::leave:
      return is_on_goroutine ? std::nullopt : to_goroutine(frame, *on);
    case Crossing::to_c:
      return is_on_goroutine ? std::nullopt : from_c_call(frame, *on, memory);
    case Crossing::from_c:
      return is_on_goroutine ? to_thread(frame, memory) : std::nullopt;
    default:
      break;
  }
  // The vdso runs on the thread's own stack, below whoever has called from there already; that is
  // kept for the profiler.
  const bool called_there = on->system.holds(on->vdso_sp) && on->vdso_sp > sp_of(frame);
  if (is_on_goroutine || (!called_there && !on->current.holds(on->vdso_sp))) return std::nullopt;
  StackSwitch other;
  other.registers.set(frame_facts().return_address, on->vdso_pc);
  other.registers.set(frame_facts().stack_pointer, on->vdso_sp);
  if (const auto fp = frame.registers.word(frame_facts().frame_pointer))
    other.registers.set(frame_facts().frame_pointer, *fp);
  return other;
}

/// Where the goroutine has saved that it is: runtime.g.sched.
std::optional<StackSwitch> GoFrames::to_goroutine(const stack::RawFrame& frame, const Machine& on) {
  // Behind `schedule` the goroutine is the next one, which has not begun to run here.
  if (is_scheduling_ || on.goroutine == 0 || !on.current.holds(on.current.saved_sp))
    return std::nullopt;
  StackSwitch other;
  other.registers.set(frame_facts().return_address, on.current.saved_pc);
  other.registers.set(frame_facts().stack_pointer, on.current.saved_sp);
  if (on.current.saved_fp != 0)
    other.registers.set(frame_facts().frame_pointer, on.current.saved_fp);
  // systemstack saves the middle of a function that is never called.
  other.is_exact = known(frame.lookup).crossing == Crossing::to_system;
  return other;
}

/// asmcgocall keeps on the thread's stack the goroutine and how deep in its stack it was.
std::optional<StackSwitch> GoFrames::from_c_call(const stack::RawFrame& frame, const Machine& on,
                                                 MemoryReader& memory) {
  if (on.goroutine == 0) return std::nullopt;
  constexpr size_t most_words = 8;
  std::array<uint64_t, most_words> words{};
  if (!memory.read_exactly({sp_of(frame)}, std::as_writable_bytes(std::span(words))))
    return std::nullopt;
  for (size_t i = 1; i < words.size(); ++i) {
    const uint64_t depth = words[i - 1];
    if (words[i] != on.current.descriptor.value || depth > on.current.high - on.current.low)
      continue;
    StackSwitch other;
    other.is_frame = true;
    other.registers = frame.registers;
    const uint64_t sp = on.current.high - depth;
    // The return address may have a frame pointer below it.
    for (const uint64_t at : {sp, sp + word_size}) {
      const auto caller = memory.read<uint64_t>({at});
      if (!caller) continue;
      const Crossing calls = known({*caller - 1}).crossing;
      if (calls != Crossing::calls_c && calls != Crossing::to_c) continue;
      other.registers.set(frame_facts().stack_pointer, sp);
      return other;
    }
  }
  return std::nullopt;
}

/// The thread's stack as it was when C called: cgocallback has a frame of the same size on both
/// stacks, and keeps there what had been saved for the call before.
std::optional<StackSwitch> GoFrames::to_thread(const stack::RawFrame& frame, MemoryReader& memory) {
  if (callback_sp_ == 0) return std::nullopt;
  StackSwitch other;
  other.is_frame = true;
  other.registers = frame.registers;
  other.registers.set(frame_facts().stack_pointer, callback_sp_);
  const auto before = memory.read<uint64_t>({callback_sp_});
  callback_sp_ = before ? *before : 0;
  return other;
}

}  // namespace clew::go
