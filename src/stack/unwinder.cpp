#include "stack/unwinder.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <unordered_set>
#include <utility>

#include "stack/dwarf_expression.h"
#include "stack/frame_guess.h"

namespace clew::stack {
namespace {

using sym::RegisterRule;

/// What the expressions in unwind tables may ask for: the registers of their frame, and memory.
class FrameContext final : public ExpressionContext {
 public:
  FrameContext(const Registers& registers, MemoryReader& memory, uint64_t bias)
      : registers_(registers), memory_(memory), bias_(bias) {}

  Result<uint64_t> register_word(unsigned dwarf) override {
    if (const auto word = registers_.word(dwarf)) return *word;
    return fail(ErrorCode::unavailable, fmt::format("register {} was not saved", dwarf));
  }
  Status read_memory(uint64_t address, MutableBytes into) override {
    return memory_.read_exactly({address}, into);
  }
  Result<uint64_t> relocated(uint64_t address) override { return address + bias_; }

 private:
  const Registers& registers_;
  MemoryReader& memory_;
  uint64_t bias_;
};

/// One walk from the innermost frame outwards.
class Walk {
 public:
  Walk(const CodeView& code, UnwindRules& rules, const arch::Arch& arch, MemoryReader& memory,
       RuntimeFrames* runtime)
      : code_(code),
        rules_(rules),
        arch_(arch),
        facts_(arch.frames),
        memory_(memory),
        runtime_(runtime) {}

  RawStack run(const Registers& innermost, size_t max_frames, FrameOrigin origin);

 private:
  /// Completes the last frame and finds its caller. @return nullopt when the stack ends, with the
  /// reason in stack_.
  std::optional<RawFrame> caller();
  std::optional<RawFrame> caller_by_rule(RawFrame& frame);
  std::optional<RawFrame> caller_by_switch(RawFrame& frame, const RuntimeFrameFacts& own,
                                           const StackSwitch& other);
  void complete(const RawFrame& frame, const RuntimeFrameFacts& own, RawFrame& caller);
  void keep_own_registers(const RawFrame& frame, RawFrame& caller);
  std::optional<RawFrame> by_table(RawFrame& frame, const UnwindRule& rule);
  std::optional<RawFrame> by_signal_frame(RawFrame& frame);
  std::optional<RawFrame> by_guess(RawFrame& frame, const std::string& note);
  bool locate(RawFrame& frame);
  bool has_progressed(const RawFrame& frame);

  Result<uint64_t> frame_address(const RawFrame& frame, const UnwindRule& rule);
  /// @return nullopt when the register is lost.
  Result<std::optional<uint64_t>> value_of(const RawFrame& frame, const UnwindRule& rule,
                                           unsigned reg, const RegisterRule& how);
  Registers registers_of_caller(const RawFrame& frame, const UnwindRule& rule);
  RawFrame make_frame(const Registers& registers, uint64_t pc, FrameOrigin origin) const;
  std::nullopt_t end(StackEnd how, std::string note = {}) {
    stack_.end = how;
    stack_.end_note = std::move(note);
    return std::nullopt;
  }

  const CodeView& code_;
  UnwindRules& rules_;
  const arch::Arch& arch_;
  const arch::FrameFacts& facts_;
  MemoryReader& memory_;
  RuntimeFrames* runtime_;
  RawStack stack_;
  std::unordered_set<uint64_t> signal_frames_;
  std::unordered_set<uint64_t> switches_;  ///< stack pointers that stacks were gone on with
  /// The frame at hand lies on another stack than the one in it.
  bool is_on_other_stack_ = false;
};

RawFrame Walk::make_frame(const Registers& registers, uint64_t pc, FrameOrigin origin) const {
  RawFrame frame;
  frame.pc = {pc};
  // What was called may be the last instruction of its function, when the call does not return.
  const bool is_exact = origin == FrameOrigin::registers || origin == FrameOrigin::signal;
  frame.lookup = {is_exact ? pc : pc - 1};
  frame.registers = registers;
  frame.origin = origin;
  return frame;
}

RawStack Walk::run(const Registers& innermost, size_t max_frames, FrameOrigin origin) {
  if (runtime_ != nullptr) runtime_->begin_stack();
  const uint64_t pc = innermost.word(facts_.return_address).value_or(0);
  stack_.frames.push_back(make_frame(innermost, pc, origin));
  if (max_frames == 1 && locate(stack_.frames.back())) return std::move(stack_);
  for (;;) {
    auto next = caller();
    if (!next) break;
    if (stack_.frames.size() >= max_frames) {
      end(StackEnd::depth_limit, fmt::format("{} frames, and there are more", max_frames));
      break;
    }
    stack_.frames.push_back(*next);
  }
  return std::move(stack_);
}

/// Where the frame begins, for one whose caller is not wanted: registers alone tell.
bool Walk::locate(RawFrame& frame) {
  const UnwindRule& rule = rules_.find(frame, memory_);
  if (rule.kind != UnwindRule::Kind::table || rule.row.is_signal_frame) return false;
  const auto cfa = frame_address(frame, rule);
  if (!cfa) return false;
  frame.cfa = {*cfa};
  end(StackEnd::depth_limit, "its callers were not asked for");
  return true;
}

std::optional<RawFrame> Walk::caller() {
  RawFrame& frame = stack_.frames.back();
  if (runtime_ == nullptr) return caller_by_rule(frame);
  const RuntimeFrameFacts own = runtime_->facts(frame);
  const auto other = runtime_->switch_at(frame, memory_);
  if (other) return caller_by_switch(frame, own, *other);
  if (own.is_outermost) return end(StackEnd::outermost);
  auto next = caller_by_rule(frame);
  is_on_other_stack_ = false;
  if (next) complete(frame, own, *next);
  return next;
}

/// What the runtime knows better of a caller.
void Walk::complete(const RawFrame& frame, const RuntimeFrameFacts& own, RawFrame& caller) {
  if (own.interrupts || (own.may_note_place && runtime_->is_noted(caller.pc)))
    caller.lookup = caller.pc;
  if (own.is_own && caller.origin == FrameOrigin::cfi) keep_own_registers(frame, caller);
}

std::optional<RawFrame> Walk::caller_by_switch(RawFrame& frame, const RuntimeFrameFacts& own,
                                               const StackSwitch& other) {
  const uint64_t sp = other.registers.word(facts_.stack_pointer).value_or(0);
  if (!switches_.insert(sp).second)
    return end(StackEnd::cycle, "the stack that this frame came from was seen before");
  is_on_other_stack_ = true;
  if (!other.is_frame) {
    frame.cfa = {sp};
    const uint64_t pc = other.registers.word(facts_.return_address).value_or(0);
    RawFrame next = make_frame(other.registers, pc, FrameOrigin::runtime);
    if (other.is_exact) next.lookup = next.pc;
    return next;
  }
  // The tables are right for the stack that the code came from.
  const Registers seen = std::exchange(frame.registers, other.registers);
  auto next = caller_by_rule(frame);
  if (next) complete(frame, own, *next);
  frame.registers = seen;
  is_on_other_stack_ = false;
  return next;
}

/// Of a caller whose callee gives no registers back.
void Walk::keep_own_registers(const RawFrame& frame, RawFrame& caller) {
  Registers registers;
  registers.set(facts_.return_address, caller.pc.value);
  registers.set(facts_.stack_pointer, frame.cfa.value);
  const auto sp = frame.registers.word(facts_.stack_pointer);
  const bool has_room = sp && frame.cfa.value - *sp > sizeof(uint64_t);
  const auto same = frame.registers.word(facts_.frame_pointer);
  const auto saved = memory_.read<uint64_t>(frame.cfa - 2 * sizeof(uint64_t));
  // What leads back to a frame further in is none: functions written in assembly that C calls
  // (crosscall2) keep other things there, and the register as it is.
  const auto leads_out = [&](uint64_t pointer) {
    return pointer == 0 || pointer >= frame.cfa.value;
  };
  if (has_room && saved && (leads_out(*saved) || !same || !leads_out(*same))) {
    registers.set(facts_.frame_pointer, *saved);
  } else if (same) {
    registers.set(facts_.frame_pointer, *same);
  }
  caller.registers = registers;
}

std::optional<RawFrame> Walk::caller_by_rule(RawFrame& frame) {
  const UnwindRule& rule = rules_.find(frame, memory_);
  switch (rule.kind) {
    case UnwindRule::Kind::table:
      return by_table(frame, rule);
    case UnwindRule::Kind::signal_trampoline:
      return by_signal_frame(frame);
    case UnwindRule::Kind::none:
      break;
  }
  return by_guess(frame, rule.note);
}

Result<uint64_t> Walk::frame_address(const RawFrame& frame, const UnwindRule& rule) {
  FrameContext context(frame.registers, memory_, rule.module->bias);
  const RegisterRule& cfa = rule.row.cfa;
  if (cfa.kind == RegisterRule::Kind::in_register) {
    auto word = context.register_word(cfa.reg);
    if (!word) return word;
    return *word + static_cast<uint64_t>(cfa.offset);
  }
  Expression expression;
  expression.bytes = cfa.expression;
  const auto location = evaluate(expression, context);
  return location ? as_word(*location) : tl::unexpected<Error>(location.error());
}

Result<std::optional<uint64_t>> Walk::value_of(const RawFrame& frame, const UnwindRule& rule,
                                               unsigned reg, const RegisterRule& how) {
  const uint64_t offset_address = frame.cfa.value + static_cast<uint64_t>(how.offset);
  uint64_t address = offset_address;
  switch (how.kind) {
    case RegisterRule::Kind::undefined:
      return std::nullopt;
    case RegisterRule::Kind::same_value:
      return frame.registers.word(reg);
    case RegisterRule::Kind::in_register:
      return frame.registers.word(how.reg);
    case RegisterRule::Kind::is_offset:
      return offset_address;
    case RegisterRule::Kind::at_offset:
      break;
    case RegisterRule::Kind::at_expression:
    case RegisterRule::Kind::is_expression: {
      FrameContext context(frame.registers, memory_, rule.module->bias);
      Expression expression;
      expression.bytes = how.expression;
      const std::array<uint64_t, 1> initial{frame.cfa.value};
      const auto location = evaluate(expression, context, initial);
      if (!location) return tl::unexpected(location.error());
      const auto word = as_word(*location);
      if (!word) return tl::unexpected(word.error());
      if (how.kind == RegisterRule::Kind::is_expression) return *word;
      address = *word;
      break;
    }
  }
  const auto word = memory_.read<uint64_t>({address});
  if (!word) return tl::unexpected(word.error());
  return *word;
}

Registers Walk::registers_of_caller(const RawFrame& frame, const UnwindRule& rule) {
  Registers registers;
  for (unsigned reg = 0; reg < Registers::capacity; ++reg) {
    if ((facts_.callee_saved >> reg & 1) == 0) continue;
    if (const auto word = frame.registers.word(reg)) registers.set(reg, *word);
  }
  // The CFA is by definition what the stack pointer is when the call is over.
  registers.set(facts_.stack_pointer, frame.cfa.value);
  for (const auto& [reg, how] : rule.row.rules) {
    if (reg == rule.row.return_address) continue;
    const auto word = value_of(frame, rule, reg, how);
    if (word && *word) {
      registers.set(reg, **word);
    } else {
      registers.forget(reg);
    }
  }
  return registers;
}

bool Walk::has_progressed(const RawFrame& frame) {
  const size_t count = stack_.frames.size();
  if (frame.is_signal_frame) return signal_frames_.insert(frame.cfa.value).second;
  // A signal's handler may run on a stack of its own, anywhere.
  if (count < 2 || is_on_other_stack_ || stack_.frames[count - 2].is_signal_frame) return true;
  const RawFrame& inner = stack_.frames[count - 2];
  return frame.cfa > inner.cfa || (frame.cfa == inner.cfa && frame.pc != inner.pc);
}

std::optional<RawFrame> Walk::by_table(RawFrame& frame, const UnwindRule& rule) {
  const auto cfa = frame_address(frame, rule);
  if (!cfa) {
    return end(cfa.error().code == ErrorCode::fault ? StackEnd::bad_memory : StackEnd::no_tables,
               cfa.error().text);
  }
  frame.cfa = {*cfa};
  frame.is_signal_frame = rule.row.is_signal_frame;
  if (rule.row.is_signal_frame || rule.is_at_pc) frame.lookup = frame.pc;
  const RegisterRule* const how = rule.row.find(rule.row.return_address);
  if (how != nullptr && how->kind == RegisterRule::Kind::undefined) return end(StackEnd::outermost);
  if (!has_progressed(frame))
    return end(StackEnd::cycle, "the frame around this one would be further in: a broken stack");
  if (how == nullptr) {
    return end(StackEnd::no_tables, "the unwind table does not say where the return address is");
  }
  const auto pc = value_of(frame, rule, rule.row.return_address, *how);
  if (!pc) {
    return end(pc.error().code == ErrorCode::fault ? StackEnd::bad_memory : StackEnd::no_tables,
               pc.error().text);
  }
  if (!*pc) return end(StackEnd::no_tables, "the return address was not saved");
  Registers registers = registers_of_caller(frame, rule);
  registers.set(facts_.return_address, **pc);
  // Nobody is called by address 0, but a signal can find a thread there.
  if (**pc == 0 && !rule.row.is_signal_frame) return end(StackEnd::outermost);
  return make_frame(registers, **pc,
                    rule.row.is_signal_frame ? FrameOrigin::signal : FrameOrigin::cfi);
}

std::optional<RawFrame> Walk::by_signal_frame(RawFrame& frame) {
  frame.is_signal_frame = true;
  frame.lookup = frame.pc;
  const auto sp = frame.registers.word(facts_.stack_pointer);
  if (!sp) return end(StackEnd::no_tables, "the stack pointer is not known");
  frame.cfa = {*sp};
  if (!signal_frames_.insert(*sp).second)
    return end(StackEnd::cycle, "the signal frame was seen before: a broken stack");
  Registers registers;
  for (const arch::SignalRegister& saved : facts_.signal_registers) {
    const auto word = memory_.read<uint64_t>({*sp + saved.offset});
    if (!word) return end(StackEnd::bad_memory, word.error().text);
    registers.set(saved.dwarf, *word);
  }
  return make_frame(registers, registers.word(facts_.return_address).value_or(0),
                    FrameOrigin::signal);
}

std::optional<RawFrame> Walk::by_guess(RawFrame& frame, const std::string& note) {
  auto guessed = guess_caller(frame, code_, arch_, memory_);
  if (guessed) {
    frame.cfa = {guessed->registers.word(facts_.stack_pointer).value_or(0)};
    return guessed;
  }
  // The ABI has the outermost frame marked by a frame pointer of 0.
  const auto frame_pointer = frame.registers.word(facts_.frame_pointer);
  const bool is_code = code_.is_code(frame.lookup.value);
  if (is_code && frame_pointer && *frame_pointer == 0 && stack_.frames.size() > 1)
    return end(StackEnd::outermost);
  return end(StackEnd::no_tables, note);
}

}  // namespace

RawStack Unwinder::unwind(const Registers& innermost, MemoryReader& memory, size_t max_frames,
                          FrameOrigin origin) {
  return Walk(code_, rules_, arch_, memory, runtime_).run(innermost, max_frames, origin);
}

}  // namespace clew::stack
