#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inferior/inferior.h"
#include "stack/frame.h"

namespace clew {

/// A register of one held thread with its bytes, least significant first.
struct RegisterValue {
  const arch::RegisterInfo* info = nullptr;
  std::vector<std::byte> bytes;
  bool is_known = true;  ///< false in a list of registers for one that the frame has lost

  /// The low eight bytes as a number.
  uint64_t word() const;
};

/// @return bad_request when there is no such register, unavailable when this thread's state lacks
/// it (no AVX in use), not_stopped, gone.
Result<RegisterValue> read_register(Inferior& inferior, ThreadId id, std::string_view name);
Result<RegisterValue> read_register(Inferior& inferior, ThreadId id,
                                    const arch::RegisterInfo& info);

/// The same of registers that were read before: the general ones, and the block that
/// Inferior::extended() gives. @return unavailable, which it always is for debug registers.
Result<RegisterValue> register_of(const arch::GeneralRegisters& general, Bytes extended,
                                  const arch::RegisterInfo& info);

/// The same in a frame of the thread's stack: what a function had in the register when it called
/// the frame further in. `frame` is nullptr for the innermost one. @return unavailable also when
/// the register is lost there.
Result<RegisterValue> read_register(Inferior& inferior, ThreadId id, const stack::RawFrame* frame,
                                    const arch::RegisterInfo& info);

/// Sets a register to `bytes`, which are as many as the register has.
Status write_register(Inferior& inferior, ThreadId id, const arch::RegisterInfo& info, Bytes bytes);

/// Sets a register of more than eight bytes from what the user typed: a hexadecimal number of as
/// many digits as fit.
Status assign_wide_register(Inferior& inferior, ThreadId id, const arch::RegisterInfo& info,
                            std::string_view value);

}  // namespace clew
