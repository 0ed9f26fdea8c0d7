#include "live/x86_64/target_call_code.h"

#include <sys/syscall.h>

#include <array>
#include <csignal>

#include "live/x86_64/machine_code.h"
#include "live/x86_64/restart.h"

namespace clew::live {
namespace {

/// A register that a system call or its arguments change, and the beginning of the instruction that
/// loads it with 8 bytes (Intel SDM volume 2, MOV r64, imm64).
struct Load {
  uint64_t value;
  int prefix, opcode;
};

std::array<Load, 9> loads_of(const user_regs_struct& words) {
  return {{{words.rdi, 0x48, 0xbf},
           {words.rsi, 0x48, 0xbe},
           {words.rdx, 0x48, 0xba},
           {words.r10, 0x49, 0xba},
           {words.r8, 0x49, 0xb8},
           {words.r9, 0x49, 0xb9},
           {words.rcx, 0x48, 0xb9},
           {words.r11, 0x49, 0xbb},
           {words.rax, 0x48, 0xb8}}};
}

}  // namespace

std::vector<std::byte> make_target_call_code(const arch::GeneralRegisters& before, uint64_t mask) {
  user_regs_struct words = as_struct(before);
  restart_call(words, RestOfTime::kept);
  constexpr size_t load_size = 10;
  constexpr size_t jump_size = 6;
  const auto loads = loads_of(words);

  MachineCode code;
  code.add({0x0f, 0x05});  // syscall
  code.add({0xb8});        // mov $SYS_rt_sigprocmask, %eax
  code.add_word(SYS_rt_sigprocmask, 4);
  code.add({0xbf});  // mov $SIG_SETMASK, %edi
  code.add_word(SIG_SETMASK, 4);
  code.add({0x48, 0x8d, 0x35});  // lea mask(%rip), %rsi
  constexpr size_t rest_of_call = 5 + 6 + 2;
  code.add_word(rest_of_call + loads.size() * load_size + jump_size + sizeof(uint64_t), 4);
  code.add({0xba, 0, 0, 0, 0});  // mov $0, %edx
  code.add({0x41, 0xba});        // mov $8, %r10d
  code.add_word(sizeof mask, 4);
  code.add({0x0f, 0x05});  // syscall
  for (const Load& load : loads) {
    code.add({load.prefix, load.opcode});
    code.add_word(load.value, sizeof load.value);
  }
  // No instruction up to here changes a flag, and a system call leaves them alone.
  code.add({0xff, 0x25, 0, 0, 0, 0});  // jmp *0(%rip)
  code.add_word(words.rip, sizeof words.rip);
  code.add_word(mask, sizeof mask);
  return code.take();
}

}  // namespace clew::live
