#pragma once

#include <string>
#include <unordered_map>

#include "arch/arch.h"
#include "stack/code_view.h"
#include "stack/frame.h"
#include "sym/unwind_row.h"

namespace clew::stack {

/// How to get from a place in the code to its caller.
struct UnwindRule {
  enum class Kind : uint8_t {
    table,              ///< `row` says how
    signal_trampoline,  ///< returns from a signal's handler: known by its code
    none                ///< nothing says how
  };
  Kind kind = Kind::none;
  const sym::LoadedModule* module = nullptr;  ///< nullptr for code of no file
  sym::UnwindRow row;                         ///< in the module's own addresses
  std::string note;                           ///< why there is none
  bool is_at_pc = false;  ///< `row` is that of the pc, not of the call before it
};

/// Finds rules, and keeps those that were found.
class UnwindRules {
 public:
  UnwindRules(const CodeView& code, const arch::Arch& arch) : code_(code), arch_(arch) {}

  /// The rule for a frame; good until the next call.
  const UnwindRule& find(const RawFrame& frame, MemoryReader& memory);

 private:
  UnwindRule make(const RawFrame& frame, MemoryReader& memory) const;

  const CodeView& code_;
  const arch::Arch& arch_;
  std::unordered_map<uint64_t, UnwindRule> known_;
};

}  // namespace clew::stack
