#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "arch/arch.h"
#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clew::arch {

/// What a step plan has to know of one instruction. A branch is far when it changes the code
/// segment or the privilege level (far call, far jump, iret, int n); those are none of is_call,
/// is_return and is_jump.
struct InstructionInfo {
  uint8_t length = 0;
  bool is_call = false;
  bool is_return = false;
  bool is_jump = false;         ///< conditional or not, loops among them
  bool is_conditional = false;  ///< a jump that may be taken or not
  bool is_indirect = false;     ///< a call or jump whose target is in a register or in memory
  bool is_far = false;
  bool is_syscall = false;  ///< `syscall`; the older gates (sysenter, int 0x80) are far
  bool is_int3 = false;
  bool is_entry_mark = false;  ///< endbr64
  bool is_nop = false;
  bool is_repeated = false;  ///< a string instruction that repeats: one single step is one round
  bool reads_memory = false;
  bool writes_memory = false;
  bool writes_stack_pointer = false;
  std::optional<Addr> target;  ///< of a direct call or jump

  /// True when what comes next may be the instruction behind it. A call counts: it returns there.
  bool falls_through() const { return !is_return && !is_far && (!is_jump || is_conditional); }
};

/// @return bad_data when the bytes are no instruction, or only the beginning of one.
Result<InstructionInfo> inspect(Bytes instruction, Addr address);

/// Where the instructions begin from `from`, which must be the start of one (a function's or a
/// line's), up to `to`. `code` are the bytes from `from` on. The last start is `to` itself if and
/// only if an instruction begins there; otherwise `to` is in the middle of the last one.
/// @return bad_data when it meets bytes that are no instruction, and bad_request when `to` is not
/// within `code`.
Result<std::vector<Addr>> instruction_starts(Bytes code, Addr from, Addr to);

/// The addresses that registers hold at `to` because an instruction from `from` on has computed
/// them from the pc (lea), with none behind it that writes the register. What jumps bring along is
/// not followed: where one leads to, nothing is known. `code` are the bytes from `from` on, which
/// must be the start of an instruction. @return none when no instruction begins at `to`.
std::vector<Addr> addresses_held_at(Bytes code, Addr from, Addr to);

/// One instruction made to run in another place, its slot, with the same effect as in its own: on
/// registers, flags and memory, in which nothing is touched but what the instruction itself
/// touches. A slot ends with a jump to where the original would be next. It has no state: several
/// threads can be in it at once, and nobody has to look after them.
///
/// What differs, and cannot be hidden from a program that looks for it: the pc in the frame of a
/// fault's signal (settle() before it is delivered; si_addr of SIGILL and SIGFPE is that pc too),
/// the instruction pointer that seccomp filters see, the last-instruction pointer of the x87 unit.
/// A thread that has a shadow stack (x86_Thread_features in /proc/PID/status) must not run a slot
/// whose `info.is_call` is set: its return would fault.
struct Displaced {
  /// Where a thread seen in the slot stands in the original program.
  struct Place {
    /// False: nothing has been done yet, pc is the original address; a repeated string instruction
    /// goes on from there with what is left. True: all is done but the way to pc, which is the next
    /// instruction or the branch's target.
    bool executed;
    Addr pc;
    /// The registers for going on at `pc`. Memory is as the program would have it there, except
    /// that an indirect call that is taken back (executed is false) has already written its
    /// return address below the stack pointer, where it will write it again.
    GeneralRegisters registers;
  };

  /// No slot is longer.
  static constexpr size_t max_size = 48;

  std::vector<std::byte> code;  ///< to be put at `slot`
  Addr address;                 ///< of the original
  Addr slot;
  InstructionInfo info;  ///< of the original

  bool contains(Addr pc) const { return pc >= slot && pc - slot < code.size(); }

  /// For a thread that is stopped at `slot + offset`. A thread blocked in a `syscall` of a slot is
  /// behind it (executed); when the kernel restarts the call of a settled thread, it goes back to
  /// the original `syscall`.
  /// @return nothing for an offset at which no instruction of the slot begins.
  std::optional<Place> place_of(uint64_t offset, const GeneralRegisters& registers) const;

  /// The registers of an equivalent thread outside the slot: those of place_of(pc - slot).
  /// @return bad_request when the thread's pc is not at an instruction of this slot.
  Result<GeneralRegisters> settle(const GeneralRegisters& registers) const;

  /// How to get from one instruction of the slot to the original program.
  enum class Way : uint8_t {
    not_yet,         ///< pc is all that differs
    take_back_push,  ///< the return address has been pushed
    done,            ///< pc is all that differs
    done_syscall,    ///< rcx is where the call returned to, in the slot
  };
  struct Stop {
    uint8_t offset;
    Way way;
    Addr pc;
  };
  std::vector<Stop> stops;  ///< one for each instruction in `code`
};

/// Makes a slot for the 64-bit instruction that begins at `instruction` (which may go on behind it)
/// and belongs at `address`.
/// @return unsupported with the reason for an instruction that cannot run elsewhere, or not so far
/// away (operands relative to the pc reach 2 GiB); bad_data when the bytes are no instruction.
Result<Displaced> displace(Bytes instruction, Addr address, Addr slot);

}  // namespace clew::arch
