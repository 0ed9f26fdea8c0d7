#include "arch/arch.h"

#include <algorithm>
#include <cstring>

#include "arch/x86_64/x86_64.h"

namespace clew::arch {

uint64_t GeneralRegisters::word(size_t offset) const {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void GeneralRegisters::set_word(size_t offset, uint64_t value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

const RegisterInfo* Arch::find(std::string_view wanted) const {
  if (!wanted.empty() && wanted.front() == '$') wanted.remove_prefix(1);
  for (const auto& [alias, real] : aliases) {
    if (alias == wanted) wanted = real;
  }
  const auto found = std::find_if(registers.begin(), registers.end(),
                                  [&](const RegisterInfo& info) { return info.name == wanted; });
  return found == registers.end() ? nullptr : &*found;
}

bool Arch::in_syscall(const GeneralRegisters& r) const {
  // The kernel's include/linux/errno.h: ERESTARTSYS 512, ERESTARTNOINTR 513, ERESTARTNOHAND 514,
  // ERESTART_RESTARTBLOCK 516.
  const auto number = static_cast<int64_t>(r.word(syscall_number));
  const auto result = static_cast<int64_t>(r.word(syscall_result));
  const bool restarts = result <= -512 && result >= -516;
  return number >= 0 && restarts;
}

const Arch& native() { return x86_64(); }

}  // namespace clew::arch
