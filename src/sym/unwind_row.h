#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace clew::sym {

/// How to find what a register held in the caller (DWARF 5, 6.4.1). That a register has no rule is
/// for the platform's ABI to interpret.
struct RegisterRule {
  enum class Kind : uint8_t {
    undefined,      ///< lost
    same_value,     ///< not touched
    at_offset,      ///< in memory, `offset` from the CFA
    is_offset,      ///< it is the CFA + `offset` itself
    in_register,    ///< in another register; for the CFA rule: that register + `offset`
    at_expression,  ///< in memory, at the address that the expression computes
    is_expression   ///< it is what the expression computes
  };

  Kind kind = Kind::undefined;
  uint16_t reg = 0;
  int64_t offset = 0;
  Bytes expression;  ///< lives as long as the table that it comes from
};

/// One row of an unwind table: what holds for the addresses from `start` to before `end`.
struct UnwindRow {
  uint64_t start = 0, end = 0;
  /// in_register or is_expression.
  RegisterRule cfa;
  /// By register, in no order.
  std::vector<std::pair<uint16_t, RegisterRule>> rules;
  uint16_t return_address = 0;   ///< the column that stands for where the caller goes on
  bool is_signal_frame = false;  ///< the code that returns from a signal's handler

  const RegisterRule* find(unsigned dwarf) const {
    for (const auto& [reg, rule] : rules) {
      if (reg == dwarf) return &rule;
    }
    return nullptr;
  }
};

}  // namespace clew::sym
