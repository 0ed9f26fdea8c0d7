#include "live/x86_64/call_frame.h"

#include <cpuid.h>
#include <sys/user.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "live/x86_64/machine_code.h"
#include "live/x86_64/restart.h"

namespace clew::live {
namespace {

constexpr uint64_t vector_size = 16;
constexpr uint64_t vector_count = 8;

// --- The kernel's signal frame (arch/x86/include/uapi/asm/sigcontext.h and ucontext.h)

struct SigContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
  uint64_t flags;
  uint16_t cs, gs, fs, ss;
  uint64_t err, trapno, oldmask, cr2, fpstate;
  uint64_t reserved[8];
};
static_assert(sizeof(SigContext) == 256);

struct UContext {
  uint64_t flags, link;
  uint64_t stack_address;
  int32_t stack_flags, padding;
  uint64_t stack_size;
  SigContext context;
  uint64_t mask;
};
static_assert(sizeof(UContext) == 304);

constexpr uint64_t uc_fp_xstate = 1;          // there is an XSAVE area
constexpr uint64_t uc_sigcontext_ss = 2;      // ss is a part of it
constexpr uint64_t uc_strict_restore_ss = 4;  // and put back as it is

/// What do_sigaltstack() in the kernel's kernel/signal.c refuses: rt_sigreturn takes no notice of
/// that, and the thread's alternate stack, which ptrace does not show, stays what it is.
constexpr int32_t no_stack_mode = 0x40;

/// The software's part of an XSAVE area, at its byte 464 (struct _fpx_sw_bytes).
struct SoftwareBytes {
  uint32_t magic1, extended_size;
  uint64_t features;
  uint32_t size;
  uint32_t padding[7];
};
static_assert(sizeof(SoftwareBytes) == 48);
constexpr size_t software_bytes_at = 464;
constexpr size_t legacy_size = 512;
constexpr size_t header_size = 64;
constexpr uint32_t magic1 = 0x46505853;
constexpr uint32_t magic2 = 0x46505845;

/// How much of an XSAVE area in the standard format its used components need (Intel SDM volume 1,
/// 13.4.3; CPUID leaf 0xD).
size_t xsave_size(uint64_t features) {
  size_t size = legacy_size + header_size;
  for (unsigned component = 2; component < 63; ++component) {
    if ((features >> component & 1) == 0) continue;
    unsigned length = 0;
    unsigned offset = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid_count(0xD, component, &length, &offset, &c, &d) == 0) continue;
    size = std::max<size_t>(size, size_t{offset} + length);
  }
  return size;
}

/// `extended` is as ptrace(2) gives it.
std::vector<std::byte> vector_state(Bytes extended) {
  std::vector<std::byte> state(extended.begin(), extended.end());
  if (state.size() < legacy_size + header_size) {
    state.resize(legacy_size);
    return state;
  }
  uint64_t features = 0;
  std::memcpy(&features, state.data() + legacy_size, sizeof features);
  const size_t size = std::min(xsave_size(features), state.size());
  state.resize(size + sizeof magic2);
  SoftwareBytes software{};
  software.magic1 = magic1;
  software.extended_size = static_cast<uint32_t>(size + sizeof magic2);
  software.features = features;
  software.size = static_cast<uint32_t>(size);
  std::memcpy(state.data() + software_bytes_at, &software, sizeof software);
  std::memcpy(state.data() + size, &magic2, sizeof magic2);
  return state;
}

UContext context_of(const arch::GeneralRegisters& before, uint64_t state_at, bool is_xsave,
                    uint64_t mask) {
  user_regs_struct words = as_struct(before);
  restart_call(words, RestOfTime::forgotten);
  UContext all{};
  all.flags = (is_xsave ? uc_fp_xstate : 0) | uc_sigcontext_ss | uc_strict_restore_ss;
  all.stack_flags = no_stack_mode;
  all.mask = mask;
  SigContext& to = all.context;
  to.r8 = words.r8, to.r9 = words.r9, to.r10 = words.r10, to.r11 = words.r11;
  to.r12 = words.r12, to.r13 = words.r13, to.r14 = words.r14, to.r15 = words.r15;
  to.rdi = words.rdi, to.rsi = words.rsi, to.rbp = words.rbp, to.rbx = words.rbx;
  to.rdx = words.rdx, to.rax = words.rax, to.rcx = words.rcx, to.rsp = words.rsp;
  to.rip = words.rip, to.flags = words.eflags;
  to.cs = static_cast<uint16_t>(words.cs), to.ss = static_cast<uint16_t>(words.ss);
  to.fpstate = state_at;
  return all;
}

/// Loads xmm0 to xmm7 from the stack, and goes to the function whose address lies behind them.
void add_entry(MachineCode& code) {
  for (int i = 0; i < static_cast<int>(vector_count); ++i)
    code.add({0x0f, 0x10, 0x44 | i << 3, 0x24, 16 * i});  // movups 16*i(%rsp), %xmm<i>
  code.add({0x0f, 0x77});                                 // emms: the x87 stack is empty
  code.add({0x48, 0x81, 0xc4});                           // add $128, %rsp
  code.add_word(vector_count * vector_size, 4);
  code.add({0xc3});  // ret
}

/// @return how far behind its own beginning the thread stands when it has told.
size_t add_exit(MachineCode& code, size_t argument_size) {
  const size_t start = code.size();
  code.add({0x48, 0x81, 0xc4});  // add $arguments, %rsp
  code.add_word(argument_size, 4);
  code.add({0x48, 0x89, 0xc7});     // mov %rax, %rdi: to be seen
  code.add({0xb8, 0x0f, 0, 0, 0});  // mov $15, %eax
  code.add({0x0f, 0x05});           // syscall
  const size_t after_call = code.size() - start;
  // Where clew has kept the kernel from making the call, and died before anything else.
  code.add({0xeb, 0x100 - 9});  // jmp to the mov
  return after_call;
}

}  // namespace

CallFrame make_call_frame(const FunctionCall& call, Addr code_at,
                          const arch::GeneralRegisters& before, Bytes extended, uint64_t mask) {
  CallFrame frame;
  MachineCode code;
  add_entry(code);
  const uint64_t exit_at = code_at.value + code.size();
  frame.end_pc = Addr{exit_at + add_exit(code, call.stack.size())};
  frame.code = code.take();

  const std::vector<std::byte> state = vector_state(extended);
  const uint64_t top = call.data_at.value + call.data.size();
  // XRSTOR wants 64, the ABI 16 for arguments (System V ABI, AMD64 supplement, 3.2.2).
  const uint64_t state_at = (call.data_at.value - state.size()) & ~uint64_t{63};
  const uint64_t context_at = (state_at - sizeof(UContext)) & ~uint64_t{15};
  const uint64_t arguments_at = context_at - call.stack.size();
  const uint64_t return_at = arguments_at - sizeof(uint64_t);
  const uint64_t function_at = return_at - sizeof(uint64_t);
  const uint64_t vectors_at = function_at - vector_count * vector_size;
  frame.start = Addr{vectors_at};
  frame.stack.resize(top - vectors_at);
  const auto put = [&](uint64_t at, Bytes bytes) {
    std::copy(bytes.begin(), bytes.end(),
              frame.stack.begin() + static_cast<ptrdiff_t>(at - vectors_at));
  };
  put(call.data_at.value, call.data);
  put(state_at, state);
  const UContext context = context_of(before, state_at, state.size() > legacy_size, mask);
  put(context_at, bytes_of(context));
  put(arguments_at, call.stack);
  put(return_at, bytes_of(exit_at));
  put(function_at, bytes_of(call.function));
  for (size_t i = 0; i < std::min<size_t>(call.vectors.size(), vector_count); ++i)
    put(vectors_at + i * vector_size, call.vectors[i]);

  user_regs_struct words = as_struct(before);
  constexpr uint64_t direction_flag = 0x400;  // clear at each call (the same, 3.2.1)
  words.eflags &= ~direction_flag;
  words.rip = code_at.value;
  words.rsp = vectors_at;
  words.rbp = 0;                    // the outermost frame, for those who walk by it
  words.rax = call.vectors.size();  // how many, for functions with "..."
  words.orig_rax = ~uint64_t{0};    // not inside a call that is to be restarted
  const auto integer = [&](size_t i) { return i < call.integers.size() ? call.integers[i] : 0; };
  words.rdi = integer(0), words.rsi = integer(1), words.rdx = integer(2), words.rcx = integer(3);
  words.r8 = integer(4), words.r9 = integer(5);
  frame.entry = before;
  std::memcpy(frame.entry.bytes.data(), &words, sizeof words);
  return frame;
}

arch::GeneralRegisters registers_at_return(const arch::GeneralRegisters& told) {
  arch::GeneralRegisters registers = told;
  // The code has needed rax, and kept it.
  registers.set_word(offsetof(user_regs_struct, rax), told.word(offsetof(user_regs_struct, rdi)));
  return registers;
}

}  // namespace clew::live
