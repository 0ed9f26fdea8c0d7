#include "stack/unwind_rules.h"

#include <fmt/format.h>

#include <utility>

#include "base/printable.h"
#include "sym/go_table.h"
#include "sym/unwind_table.h"

namespace clew::stack {
namespace {

/// Some 10 MiB. A program has rarely a hundredth of that in its stacks at one time.
constexpr size_t most_rules = 32'768;

}  // namespace

const UnwindRule& UnwindRules::find(const RawFrame& frame, MemoryReader& memory) {
  // The same address can be a place to return to and one that a signal has interrupted.
  const uint64_t key = frame.pc.value << 1 | (frame.lookup == frame.pc ? 0 : 1);
  if (known_.size() >= most_rules && !known_.contains(key)) known_.clear();
  const auto [found, is_new] = known_.try_emplace(key);
  if (is_new) found->second = make(frame, memory);
  return found->second;
}

UnwindRule UnwindRules::make(const RawFrame& frame, MemoryReader& memory) const {
  UnwindRule rule;
  const auto look_up = [&](Addr address) {
    rule.module = code_.modules().find(address);
    if (rule.module == nullptr) {
      rule.note = fmt::format("{:#x} is in no file that could be read", address.value);
      return;
    }
    const sym::Module& module = *rule.module->module;
    const uint64_t own = rule.module->to_file(address);
    auto row = module.eh_frame().find(own);
    if (!row) {
      // A broken entry of the one is no reason not to look into the other.
      auto other = module.debug_frame().find(own);
      if (other || row.error().code == ErrorCode::not_found) row = std::move(other);
    }
    if (!row && row.error().code == ErrorCode::not_found) {
      // Programs in Go without debug information have their own table.
      const sym::GoTable* const table = sym::go_table(module);
      if (auto own_row = table == nullptr ? std::nullopt : table->unwind_row(own))
        row = std::move(*own_row);
    }
    if (row) {
      rule.kind = UnwindRule::Kind::table;
      rule.row = std::move(*row);
    } else {
      rule.note = fmt::format("{}+{:#x}: {}", printable(module.name()), own, row.error().text);
    }
  };
  look_up(frame.lookup);
  if (rule.kind == UnwindRule::Kind::table && rule.row.is_signal_frame) return rule;
  if (rule.kind == UnwindRule::Kind::none && frame.lookup != frame.pc) {
    // Code that something returns to without having called from there, at the start of a function:
    // what makecontext(3) puts below a stack.
    const std::string note = std::exchange(rule.note, {});
    look_up(frame.pc);
    rule.is_at_pc = rule.kind == UnwindRule::Kind::table;
    if (!rule.is_at_pc) rule.note = note;
  }
  // The code that a handler returns to was never called: what stands before it is another function.
  std::vector<std::byte> storage;
  const Bytes code = code_.bytes(frame.pc.value, arch_.frames.signal_return_size, memory, storage);
  if (arch_.frames.is_signal_return(code)) rule.kind = UnwindRule::Kind::signal_trampoline;
  return rule;
}

}  // namespace clew::stack
