#include "arch/x86_64/x86_64.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <string>
#include <vector>

#include "arch/x86_64/frames.h"

namespace clew::arch {
namespace {

using enum RegisterBlock;
using enum RegisterKind;

// DWARF numbers: System V ABI, AMD64 supplement, figure 3.36.
#define GENERAL(name, kind, dwarf) \
  RegisterInfo { #name, general, kind, 8, offsetof(user_regs_struct, name), dwarf }

constexpr RegisterInfo general_registers[] = {
    GENERAL(rax, integer, 0),      GENERAL(rbx, integer, 3),      GENERAL(rcx, integer, 2),
    GENERAL(rdx, integer, 1),      GENERAL(rsi, integer, 4),      GENERAL(rdi, integer, 5),
    GENERAL(rbp, pointer, 6),      GENERAL(rsp, pointer, 7),      GENERAL(r8, integer, 8),
    GENERAL(r9, integer, 9),       GENERAL(r10, integer, 10),     GENERAL(r11, integer, 11),
    GENERAL(r12, integer, 12),     GENERAL(r13, integer, 13),     GENERAL(r14, integer, 14),
    GENERAL(r15, integer, 15),     GENERAL(rip, pointer, 16),     GENERAL(eflags, flags, 49),
    GENERAL(cs, segment, 51),      GENERAL(ss, segment, 52),      GENERAL(ds, segment, 53),
    GENERAL(es, segment, 50),      GENERAL(fs, segment, 54),      GENERAL(gs, segment, 55),
    GENERAL(fs_base, pointer, 58), GENERAL(gs_base, pointer, 59), GENERAL(orig_rax, integer, -1),
};
#undef GENERAL

constexpr std::byte trap_code[] = {std::byte{0xcc}};                      // int3
constexpr std::byte syscall_code[] = {std::byte{0x0f}, std::byte{0x05}};  // syscall

constexpr std::pair<std::string_view, std::string_view> register_aliases[] = {
    {"pc", "rip"}, {"sp", "rsp"}, {"fp", "rbp"}, {"flags", "eflags"}, {"rflags", "eflags"}};

/// Where the kernel puts an XSAVE component in NT_X86_XSTATE: the standard format, whose offsets
/// the processor tells (Intel SDM volume 1, 13.4; CPUID leaf 0xD). 0 when the processor has no such
/// component.
uint16_t component_offset(unsigned component) {
  unsigned size = 0;
  unsigned offset = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(0xD, component, &size, &offset, &c, &d) == 0 || size == 0) return 0;
  return static_cast<uint16_t>(offset);
}

/// The table is made once: the vector registers that exist depend on the processor.
class Table {
 public:
  Table() {
    names_.reserve(256);
    registers_.assign(std::begin(general_registers), std::end(general_registers));
    // The legacy region of XSAVE (Intel SDM volume 1, table 10-2).
    add("fctrl", extended, control, 2, 0, 65);
    add("fstat", extended, control, 2, 2, 66);
    add("ftag", extended, control, 1, 4, -1);
    add("fop", extended, control, 2, 6, -1);
    add("fip", extended, control, 8, 8, -1);
    add("fdp", extended, control, 8, 16, -1);
    add("mxcsr", extended, control, 4, 24, 64);
    for (unsigned i = 0; i < 8; ++i)
      add("st" + std::to_string(i), extended, float80, 10, 32 + 16 * i, 33 + int(i));
    for (unsigned i = 0; i < 16; ++i)
      add("xmm" + std::to_string(i), extended, vector, 16, 160 + 16 * i, 17 + int(i));
    add_avx();
    for (const unsigned i : {0U, 1U, 2U, 3U, 6U, 7U})
      add("dr" + std::to_string(i), debug, integer, 8, 8 * i, -1);
  }

  std::span<const RegisterInfo> registers() const { return registers_; }

 private:
  void add(std::string name, RegisterBlock block, RegisterKind kind, unsigned size, unsigned offset,
           int dwarf, unsigned high = 0, int component = -1) {
    names_.push_back(std::move(name));
    registers_.push_back({names_.back(), block, kind, static_cast<uint16_t>(size),
                          static_cast<uint16_t>(offset), static_cast<int16_t>(dwarf),
                          static_cast<uint16_t>(high), static_cast<int8_t>(component)});
  }

  void add_avx() {
    if (const unsigned high = component_offset(2)) {
      for (unsigned i = 0; i < 16; ++i) {
        add("ymm" + std::to_string(i), extended, vector, 32, 160 + 16 * i, -1, high + 16 * i, 2);
      }
    }
    if (const unsigned masks = component_offset(5)) {
      for (unsigned i = 0; i < 8; ++i)
        add("k" + std::to_string(i), extended, integer, 8, masks + 8 * i, 118 + int(i), 0, 5);
    }
    if (const unsigned upper = component_offset(7)) {
      for (unsigned i = 16; i < 32; ++i) {
        add("zmm" + std::to_string(i), extended, vector, 64, upper + 64 * (i - 16), 51 + int(i), 0,
            7);
      }
    }
    if (const unsigned pkru = component_offset(9))
      add("pkru", extended, control, 4, pkru, -1, 0, 9);
  }

  std::vector<std::string> names_;
  std::vector<RegisterInfo> registers_;
};

bool is_ia32(const GeneralRegisters& r) {
  // __USER32_CS of the kernel's arch/x86/include/asm/segment.h.
  return r.word(offsetof(user_regs_struct, cs)) == 0x23;
}

}  // namespace

const Arch& x86_64() {
  static const Table table;
  static const Arch arch = {
      .name = "x86-64",
      .registers = table.registers(),
      .general_size = sizeof(user_regs_struct),
      .pc = offsetof(user_regs_struct, rip),
      .sp = offsetof(user_regs_struct, rsp),
      .fp = offsetof(user_regs_struct, rbp),
      .flags = offsetof(user_regs_struct, eflags),
      .thread_pointer = offsetof(user_regs_struct, fs_base),
      .syscall_number = offsetof(user_regs_struct, orig_rax),
      .syscall_result = offsetof(user_regs_struct, rax),
      .syscall_arguments = {offsetof(user_regs_struct, rdi), offsetof(user_regs_struct, rsi),
                            offsetof(user_regs_struct, rdx), offsetof(user_regs_struct, r10),
                            offsetof(user_regs_struct, r8), offsetof(user_regs_struct, r9)},
      .trap_code = trap_code,
      .trap_advance = 1,
      .syscall_code = syscall_code,
      .munmap_call = SYS_munmap,
      .mmap_call = SYS_mmap,
      .sigprocmask_call = SYS_rt_sigprocmask,
      .sigreturn_call = SYS_rt_sigreturn,
      .sigaction_call = SYS_rt_sigaction,
      .debug_register_count = 8,
      .debug_register_base = offsetof(struct user, u_debugreg),
      .aliases = register_aliases,
      .frames = x86_64_frames(),
      .is_compat = is_ia32,
  };
  return arch;
}

}  // namespace clew::arch
