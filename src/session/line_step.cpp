#include "session/line_step.h"

#include <array>

#include "arch/disassemble.h"
#include "session/location.h"

namespace clew {
namespace {

/// A resolver of dynamic symbols takes some thousand instructions; what takes longer is none.
constexpr unsigned most_trampoline_steps = 50'000;
/// Below the stack pointer a function may use 128 bytes (System V ABI, AMD64, 3.2.2), so that the
/// kernel puts a signal's frame below those.
constexpr uint64_t red_zone = 128;
/// The kernel's frame for a signal has at most some 10 KB (AMX state), or 12 with the red zone.
constexpr uint64_t most_on_stack = 16'384;

}  // namespace

LineStep::Place LineStep::place_at(Addr address) const {
  Place place;
  const sym::LoadedModule* const loaded = symbols_.modules().find(address);
  if (loaded == nullptr) return place;
  place.bias = loaded->bias;
  const uint64_t at = loaded->to_file(address);
  const auto functions = sym::functions_at(*loaded->module, at);
  if (!functions.empty()) {
    place.depth = functions.size() - 1;
    if (functions.back().entry != 0) place.entry = loaded->to_runtime(functions.back().entry);
  }
  place.line = sym::line_range_at(*loaded->module, at);
  return place;
}

const arch::InstructionInfo& LineStep::instruction_at(Addr address) {
  const auto [found, is_new] = instructions_.try_emplace(address.value);
  if (!is_new) return found->second;
  std::array<std::byte, arch::longest_instruction> bytes{};
  const auto read = memory_.read_memory(address, bytes);
  if (!read) return found->second;
  if (const auto info = arch::inspect(std::span(bytes).first(*read), address))
    found->second = *info;
  return found->second;
}

std::optional<uint64_t> LineStep::word_at(uint64_t address) const {
  const auto word = memory_.read<uint64_t>({address});
  return word ? std::optional(*word) : std::nullopt;
}

void LineStep::stay_in(const Place& place) {
  range_start_ = range_end_ = 0;
  if (!place.line) return;
  range_start_ = place.line->start + place.bias;
  range_end_ = place.line->end + place.bias;
}

StepMove LineStep::next(const arch::GeneralRegisters& registers) {
  const Addr from = pc_;
  const uint64_t sp_before = sp_;
  pc_ = {arch_.pc_of(registers)};
  sp_ = arch_.sp_of(registers);
  in_syscall_ = arch_.in_syscall(registers);
  if (!begun_) return begin();
  if (is_entering_) return StepMove::done();
  if (is_returning_) return returned();
  if (is_leaving_handler_) return leave_handler();
  if (in_trampoline_) return in_trampoline(from);
  const bool fell_through = pc_ == from + before_.length;
  if (before_.is_call && !fell_through && sp_ + sizeof(uint64_t) == sp_before)
    return after_call(from);
  const bool as_told = fell_through || before_.is_return || before_.target == pc_;
  if (!as_told && is_in_handler(from, sp_before)) {
    // It comes back to where it has interrupted.
    before_ = {};
    pc_ = from;
    sp_ = sp_before;
    return StepMove::back_to(from, sp_before);
  }
  if (is_in_range(pc_)) return over_instruction();
  if (before_.is_return && !fell_through) return returned();
  return arrived_elsewhere(from);
}

bool LineStep::is_in_handler(Addr from, uint64_t sp_before) const {
  if (sp_ + red_zone < sp_before && sp_before - sp_ < most_on_stack) return true;
  // On a stack of its own it may be anywhere: the kernel's frame, above the return address, says
  // where it was.
  const arch::FrameFacts& facts = arch_.frames;
  const auto saved = [&](uint16_t dwarf) -> std::optional<uint64_t> {
    for (const arch::SignalRegister& one : facts.signal_registers) {
      if (one.dwarf == dwarf) return word_at(sp_ + sizeof(uint64_t) + one.offset);
    }
    return std::nullopt;
  };
  return saved(facts.return_address) == from.value && saved(facts.stack_pointer) == sp_before;
}

void LineStep::stack_moved(uint64_t by) {
  sp_ += by;
  if (return_to_ && return_to_->sp) *return_to_->sp += by;
}

StepMove LineStep::begin() {
  begun_ = true;
  start_ = place_at(pc_);
  start_pc_ = pc_;
  if (!start_.has_line()) {
    remark_ = "no line is known for where the thread stands: it has made one instruction";
    is_entering_ = true;
    return over_instruction();
  }
  stay_in(start_);
  return over_instruction();
}

StepMove LineStep::over_instruction() {
  if (in_syscall_) {
    // The kernel makes the call again, and it can last; the thread comes back to where it stands.
    before_ = {};
    return StepMove::back_to(pc_, sp_);
  }
  before_ = instruction_at(pc_);
  const Addr behind = pc_ + before_.length;
  if (before_.length == 0) return StepMove::one();
  // What can take long is run: a call, a system call, a string instruction of many rounds. The
  // handler of a signal that comes meanwhile may leave any of them by a longjmp.
  const bool is_passed = before_.is_call && calls_ == Calls::over;
  if (is_passed || before_.is_syscall || before_.is_repeated)
    return StepMove::run_call({{behind, sp_}});
  return StepMove::one();
}

StepMove LineStep::after_call(Addr from) {
  return_to_ = StepMove::Target{from + before_.length, sp_ + sizeof(uint64_t)};
  const arch::InstructionInfo* first = &instruction_at(pc_);
  if (first->is_entry_mark) first = &instruction_at(pc_ + first->length);
  const Place place = place_at(pc_);
  if (is_entered(place)) return enter(place);
  if (calls_ == Calls::into && (place.is_generated() || (leads_on_ && leads_on_(pc_)))) {
    before_ = {};
    return over_instruction();
  }
  if (first->is_jump && first->is_indirect) {
    // A PLT entry: it leads to the function, the first time by way of the resolver.
    in_trampoline_ = true;
    trampoline_at_ = pc_;
    trampoline_steps_ = 0;
    return StepMove::one();
  }
  before_ = {};
  return StepMove::run_call({*return_to_});
}

bool LineStep::is_entered(const Place& place) const {
  if (!place.has_line() || (is_hidden_ && is_hidden_(pc_))) return false;
  return skips_.all().empty() ||
         !skips_.is_skipped(symbols_.place(pc_).function, place.line->line.file);
}

StepMove LineStep::in_trampoline(Addr from) {
  // Before its last jump the resolver has cleared the stack, but is not there yet.
  const arch::InstructionInfo& last = instruction_at(from);
  const bool at_callee =
      last.is_jump && last.is_indirect && sp_ + sizeof(uint64_t) == return_to_->sp.value_or(0);
  if (at_callee) {
    if (const Place place = place_at(pc_); is_entered(place)) {
      in_trampoline_ = false;
      return enter(place);
    }
  }
  // In the resolver there is more on the stack; from there, or at once, it jumps to the function.
  if (pc_ == return_to_->address || (at_callee && has_left_trampoline()) ||
      ++trampoline_steps_ > most_trampoline_steps) {
    in_trampoline_ = false;
    before_ = {};
    if (pc_ == return_to_->address) return arrived_elsewhere(pc_);
    return StepMove::run_call({*return_to_});
  }
  return StepMove::one();
}

bool LineStep::has_left_trampoline() const {
  const sym::LoadedModule* const loaded = symbols_.modules().find(pc_);
  if (loaded != symbols_.modules().find(trampoline_at_)) return true;
  // A function of the same module, called as if it might be another's.
  const NamedPlace& named = symbols_.place(pc_);
  return pc_ != trampoline_at_ && named.offset == 0 && !named.function.empty() &&
         !named.function.ends_with("@plt");
}

StepMove LineStep::enter(const Place& place) {
  is_entering_ = true;
  const sym::LoadedModule* const loaded = symbols_.modules().find(pc_);
  if (loaded == nullptr || !place.entry || *place.entry != pc_) return StepMove::done();
  const auto functions = sym::functions_at(*loaded->module, loaded->to_file(pc_));
  if (functions.empty()) return StepMove::done();
  const Addr body = loaded->to_runtime(body_of(*loaded->module, functions.back()));
  if (body == pc_) return StepMove::done();
  // An exception may leave the prologue's calls, and a function that is never left comes back.
  return StepMove::run_call({{body, std::nullopt}, *return_to_});
}

StepMove LineStep::returned() {
  is_returning_ = false;
  // The kernel's way back from a handler is no caller, whether it has lines or not.
  std::array<std::byte, arch::longest_instruction> code{};
  const auto read = memory_.read_memory(pc_, code);
  if (read && arch_.frames.is_signal_return(std::span(code).first(*read))) {
    is_leaving_handler_ = true;
    before_ = {};
    return leave_handler();
  }
  const Place place = place_at(pc_);
  if (place.has_line()) return StepMove::done();
  // A caller without lines: on to the one that has some, as far as it returns by itself.
  before_ = instruction_at(pc_);
  remark_ = "the function's caller has no lines: the thread runs on";
  return StepMove::run_free();
}

StepMove LineStep::leave_handler() {
  // Behind rt_sigreturn(2) the thread stands where the signal had interrupted it.
  if (!before_.is_syscall) {
    before_ = instruction_at(pc_);
    return StepMove::one();
  }
  if (!place_at(pc_).has_line())
    remark_ = "the handler has returned to where the signal came: no line is known there";
  return StepMove::done();
}

StepMove LineStep::escaped(const arch::GeneralRegisters& registers) {
  pc_ = {arch_.pc_of(registers)};
  sp_ = arch_.sp_of(registers);
  in_syscall_ = false;
  before_ = {};
  is_entering_ = is_returning_ = is_leaving_handler_ = in_trampoline_ = false;
  const Place place = place_at(pc_);
  if (!place.has_line()) {
    remark_ = "the thread has left its function for one without lines: it runs on";
    return StepMove::run_free();
  }
  // The line of the handler, or of the setjmp(); the whole of it may be one with the step's.
  if (!is_start_line(place)) return StepMove::done();
  stay_in(place);
  return over_instruction();
}

bool LineStep::is_start_line(const Place& place) const {
  return place.entry == start_.entry && place.depth == start_.depth &&
         place.line->line.line == start_.line->line.line &&
         place.line->line.file == start_.line->line.file;
}

StepMove LineStep::arrived_elsewhere(Addr from) {
  const Place place = place_at(pc_);
  const bool same_function = place.entry == start_.entry;
  // A function of Go jumps back to its own beginning when its stack has been moved, or the
  // goroutine preempted.
  if (!same_function && before_.is_jump && place.entry && *place.entry == pc_ &&
      place_at(from).entry != place.entry) {
    // A tail call: what it returns to is the caller of the function that it began in.
    const auto back = word_at(sp_);
    if (calls_ == Calls::into && is_entered(place)) {
      return_to_ = StepMove::Target{{back.value_or(0)}, sp_ + sizeof(uint64_t)};
      return enter(place);
    }
    if (back) {
      is_returning_ = true;
      return StepMove::run_call({{{*back}, sp_ + sizeof(uint64_t)}});
    }
  }
  if (!place.has_line()) return over_instruction();
  if (leads_on_ && leads_on_(pc_)) {
    stay_in(place);
    return over_instruction();
  }
  const bool deeper = same_function && place.depth > start_.depth;
  const bool is_back = loops_ == Loops::pass && same_function && pc_ < start_pc_;
  const bool passes = is_start_line(place) || is_back || (deeper && calls_ == Calls::over);
  const bool at_start = place.line->start + place.bias == pc_.value && place.line->is_statement;
  if (!passes && at_start) return StepMove::done();
  stay_in(place);
  return over_instruction();
}

}  // namespace clew
