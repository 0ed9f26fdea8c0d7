#include "arch/x86_64/frames.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace clew::arch {
namespace {

constexpr std::array<uint8_t, 9> mov_rax_15_syscall{0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
constexpr std::array<uint8_t, 7> mov_eax_15_syscall{0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};

template <size_t size>
bool begins_with(Bytes code, const std::array<uint8_t, size>& pattern) {
  return code.size() >= size && std::memcmp(code.data(), pattern.data(), size) == 0;
}

/// rt_sigreturn is system call 15. C libraries write it in the first form, Go in the second.
bool is_signal_return(Bytes code) {
  return begins_with(code, mov_rax_15_syscall) || begins_with(code, mov_eax_15_syscall);
}

// struct rt_sigframe of the kernel's arch/x86/include/asm/sigframe.h behind the return address: a
// ucontext, whose uc_mcontext is at 40.
constexpr SignalRegister signal_registers[] = {
    {8, 40},  {9, 48},  {10, 56}, {11, 64}, {12, 72}, {13, 80}, {14, 88}, {15, 96},  {5, 104},
    {4, 112}, {6, 120}, {3, 128}, {1, 136}, {0, 144}, {2, 152}, {7, 160}, {16, 168}, {49, 176},
};

constexpr unsigned modrm_mod(uint8_t modrm) { return modrm >> 6; }
constexpr unsigned modrm_reg(uint8_t modrm) { return modrm >> 3 & 7; }
constexpr unsigned modrm_rm(uint8_t modrm) { return modrm & 7; }

/// Length of FF with this ModRM byte and what follows (Intel SDM volume 2, table 2-2).
size_t length_of_indirect(Bytes code) {
  const auto modrm = std::to_integer<uint8_t>(code[1]);
  const bool has_sib = modrm_mod(modrm) != 3 && modrm_rm(modrm) == 4;
  size_t length = has_sib ? 3 : 2;
  if (modrm_mod(modrm) == 1) length += 1;
  if (modrm_mod(modrm) == 2) length += 4;
  if (modrm_mod(modrm) == 0) {
    const bool no_base = has_sib && code.size() > 2 && (std::to_integer<uint8_t>(code[2]) & 7) == 5;
    if (modrm_rm(modrm) == 5 || no_base) length += 4;
  }
  return length;
}

std::optional<CallSite> call_before(Bytes code, uint64_t end) {
  constexpr size_t direct = 5;
  if (code.size() >= direct && code[code.size() - direct] == std::byte{0xe8}) {
    int32_t distance = 0;
    std::memcpy(&distance, code.data() + code.size() - sizeof distance, sizeof distance);
    return CallSite{end + static_cast<uint64_t>(int64_t{distance})};
  }
  for (size_t length = 2; length <= std::min<size_t>(code.size(), 7); ++length) {
    const Bytes tail = code.last(length);
    if (tail[0] == std::byte{0xff} && modrm_reg(std::to_integer<uint8_t>(tail[1])) == 2 &&
        length_of_indirect(tail) == length) {
      return CallSite{};
    }
  }
  return std::nullopt;
}

// es, cs, ss, ds, fs, gs, fs.base, gs.base
constexpr uint16_t constant_registers[] = {50, 51, 52, 53, 54, 55, 58, 59};

// System V ABI, AMD64 supplement, figure 3.4: rbx, rbp and r12 to r15.
constexpr uint64_t callee_saved = 1U << 3 | 1U << 6 | 0xfU << 12;

}  // namespace

const FrameFacts& x86_64_frames() {
  static constexpr FrameFacts facts = {
      .return_address = 16,
      .stack_pointer = 7,
      .frame_pointer = 6,
      .constant = constant_registers,
      .callee_saved = callee_saved,
      .red_zone = 128,
      .is_signal_return = is_signal_return,
      .signal_return_size = mov_rax_15_syscall.size(),
      .signal_registers = signal_registers,
      .signal_stack_address = 16,
      .signal_stack_size = 32,
      .call_before = call_before,
      .longest_call = 7,
  };
  return facts;
}

}  // namespace clew::arch
