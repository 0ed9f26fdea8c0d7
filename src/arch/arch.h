#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "arch/frame_facts.h"
#include "base/addr.h"

namespace clew::arch {

/// Which block of the thread's state a register lies in; each is read and written as one.
enum class RegisterBlock : uint8_t {
  general,   ///< NT_PRSTATUS
  extended,  ///< floating point and vector: NT_X86_XSTATE on x86-64
  debug,     ///< the debug registers, one word each
};

enum class RegisterKind : uint8_t { integer, pointer, flags, segment, float80, vector, control };

/// One register. `offset` is in bytes inside its block; `dwarf` is the number of the platform's
/// DWARF mapping or -1.
struct RegisterInfo {
  std::string_view name;
  RegisterBlock block;
  RegisterKind kind;
  uint16_t size;
  uint16_t offset;
  int16_t dwarf;
  /// Where a register that the hardware keeps in two places (ymm0: low half in xmm0) goes on; 0
  /// means in one piece.
  uint16_t high_offset = 0;
  /// XSAVE component that must be present in the target's state, or -1.
  int8_t component = -1;
};

/// Room for the general registers of every instruction set that clew knows.
struct GeneralRegisters {
  static constexpr size_t capacity = 272;

  std::array<std::byte, capacity> bytes{};

  uint64_t word(size_t offset) const;
  void set_word(size_t offset, uint64_t value);
};

/// What is constant for an instruction set. Offsets are into GeneralRegisters.
struct Arch {
  std::string_view name;
  std::span<const RegisterInfo> registers;
  size_t general_size;
  uint16_t pc, sp, fp, flags;
  /// Base of thread-local storage. C libraries put it at the top of a thread's stack, and at its
  /// address that address itself.
  uint16_t thread_pointer;
  uint16_t syscall_number;  ///< of the call that a thread is in or was in when it stopped; see
                            ///< in_syscall()
  uint16_t syscall_result;
  std::array<uint16_t, 6> syscall_arguments;
  std::span<const std::byte> trap_code;  ///< the breakpoint instruction
  uint64_t trap_advance;  ///< how far behind the instruction the pc stands when it has trapped
  std::span<const std::byte> syscall_code;  ///< the system call instruction
  uint64_t munmap_call, mmap_call;          ///< numbers of the calls
  uint64_t sigprocmask_call;                ///< number of rt_sigprocmask(2)
  uint64_t sigreturn_call;                  ///< of rt_sigreturn(2)
  uint64_t sigaction_call;                  ///< number of rt_sigaction(2)
  size_t debug_register_count;
  size_t debug_register_base;  ///< offset of the first in the USER area of ptrace(2)
  /// The names by which users call registers of any instruction set ($pc, $sp, $fp) and old names.
  std::span<const std::pair<std::string_view, std::string_view>> aliases;
  const FrameFacts& frames;
  /// True when the registers are those of a 32-bit program on this 64-bit machine.
  bool (*is_compat)(const GeneralRegisters&);

  uint64_t pc_of(const GeneralRegisters& r) const { return r.word(pc); }
  uint64_t sp_of(const GeneralRegisters& r) const { return r.word(sp); }

  /// @return the register of that name or alias, with or without '$' before it; nullptr when there
  /// is none.
  const RegisterInfo* find(std::string_view name) const;

  /// True when the registers are those of a thread that was stopped inside a system call, which
  /// will be restarted or has just returned one of the kernel's internal restart codes.
  bool in_syscall(const GeneralRegisters& r) const;
};

/// The instruction set that clew was built for.
const Arch& native();

}  // namespace clew::arch
