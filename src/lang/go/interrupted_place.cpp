#include "lang/go/interrupted_place.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace clew::go {
namespace {

/// The runtime's stacks for signals have 32 KB (malg(32 * 1024) in its os_linux.go); what the
/// kernel puts there besides, the state of the vector units, is some 3 KB with AVX-512.
constexpr size_t most_of_stack = 48 << 10;
constexpr size_t piece = 4096;

// The kernel's struct rt_sigframe (arch/x86/include/asm/sigframe.h): the address that the handler
// returns to, then a ucontext, whose registers come behind uc_flags, uc_link and uc_stack in the
// order of struct sigcontext_64.
constexpr size_t word_size = 8;
constexpr size_t registers_at = 8 + 40;
constexpr size_t fp_at = registers_at + 10 * word_size;
constexpr size_t sp_at = registers_at + 15 * word_size;
constexpr size_t pc_at = registers_at + 16 * word_size;
constexpr size_t frame_part = pc_at + 8;

/// True when a handler that returns there makes the system call rt_sigreturn: mov $15, %rax or
/// %eax, syscall.
bool is_signal_return(const TargetCopy& memory, uint64_t address) {
  constexpr std::array<uint8_t, 9> wide{0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
  constexpr std::array<uint8_t, 7> narrow{0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
  const auto code = memory.read<std::array<uint8_t, 9>>({address});
  return code && (*code == wide || std::equal(narrow.begin(), narrow.end(), code->begin()));
}

}  // namespace

std::optional<InterruptedPlace> find_interrupted_place(const TargetCopy& memory, uint64_t thread_sp,
                                                       const Goroutine& goroutine) {
  std::vector<std::byte> bytes(most_of_stack);
  // One that has just returned has taken the address off: it stands before its system call.
  const uint64_t start = thread_sp - word_size;
  size_t size = 0;
  while (size < bytes.size()) {
    const size_t copied = memory.copy({start + size}, MutableBytes(bytes).subspan(size, piece));
    size += copied;
    if (copied < piece) break;
  }
  const auto word = [&](size_t at) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  // A handler is entered as if it had been called with the stack at a multiple of 16 (psABI 3.2.2).
  for (size_t at = (8 - start % 16) % 16; at + frame_part <= size; at += 16) {
    const InterruptedPlace place{word(at + pc_at), word(at + sp_at), word(at + fp_at)};
    if (place.sp <= goroutine.stack_low.value || place.sp >= goroutine.stack_high.value) continue;
    if (is_signal_return(memory, word(at))) return place;
  }
  return std::nullopt;
}

}  // namespace clew::go
