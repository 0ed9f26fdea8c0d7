#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inferior/inferior.h"

namespace clew {

/// A register of one held thread with its bytes, least significant first.
struct RegisterValue {
  const arch::RegisterInfo* info = nullptr;
  std::vector<std::byte> bytes;

  /// The low eight bytes as a number.
  uint64_t word() const;
};

/// @return bad_request when there is no such register, unavailable when this thread's state lacks
/// it (no AVX in use), not_stopped, gone.
Result<RegisterValue> read_register(Inferior& inferior, ThreadId id, std::string_view name);
Result<RegisterValue> read_register(Inferior& inferior, ThreadId id,
                                    const arch::RegisterInfo& info);

/// Sets a register to `bytes`, which are as many as the register has.
Status write_register(Inferior& inferior, ThreadId id, const arch::RegisterInfo& info, Bytes bytes);

/// Sets a register from what the user typed: an expression (see evaluate_number) for registers of
/// up to eight bytes, a hexadecimal number of as many digits as fit for wider ones.
Status assign_register(Inferior& inferior, ThreadId id, std::string_view name,
                       std::string_view value);

/// Computes a number or an address in which registers of the thread may stand.
Result<uint64_t> evaluate_for_thread(Inferior& inferior, ThreadId id, std::string_view text);

}  // namespace clew
