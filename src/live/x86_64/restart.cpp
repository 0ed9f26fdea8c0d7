#include "live/x86_64/restart.h"

#include <sys/syscall.h>

#include <cstring>

namespace clew::live {

user_regs_struct as_struct(const arch::GeneralRegisters& registers) {
  user_regs_struct words{};
  std::memcpy(&words, registers.bytes.data(), sizeof words);
  return words;
}

void restart_call(user_regs_struct& words, RestOfTime rest) {
  // ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND, ERESTART_RESTARTBLOCK (include/linux/errno.h).
  const auto result = static_cast<int64_t>(words.rax);
  const bool has_rest = result == -516;
  const bool restarts = result == -512 || result == -513 || result == -514 || has_rest;
  if (static_cast<int64_t>(words.orig_rax) < 0 || !restarts) return;
  words.rax = has_rest && rest == RestOfTime::kept ? SYS_restart_syscall : words.orig_rax;
  words.rip -= 2;  // the length of `syscall`
}

}  // namespace clew::live
