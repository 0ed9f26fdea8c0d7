// The code of the safety net (net_layout.h), which is copied into the target and runs there. It
// refers to nothing outside its section, uses general registers only and makes raw system calls, so
// that errno and the vector registers stay as they are; the compiler's flags for this file are in
// src/CMakeLists.txt, and tests/engine/net_code_test.cpp looks at what came out.
//
// Every function but clew_net_decide is inlined: the section holds one function and the assembly
// below.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "live/x86_64/net_layout.h"

// The handler. It leaves the stack as the kernel has made it: to the former handler it jumps, and
// that returns to its restorer as if it had been entered by the kernel, which is also what
// unwinders see.
asm(R"(
  .pushsection clew_net, "ax", @progbits
  .globl clew_net_handler, clew_net_restorer, clew_net_int3
  .hidden clew_net_handler, clew_net_restorer, clew_net_int3
  .type clew_net_handler, @function
  .type clew_net_restorer, @function
clew_net_handler:
  push %rdi
  push %rsi
  push %rdx
  call clew_net_decide
  pop %rdx
  pop %rsi
  pop %rdi
  mov %rax, %r11
  xor %eax, %eax
  test %r11, %r11
  jz 1f
  jmp *%r11
1: ret
clew_net_restorer:
  mov $15, %eax
  syscall
clew_net_int3:
  int3
  .popsection
)");

namespace clew::live::net {
namespace {

#define NET_INLINE [[gnu::always_inline]] inline

constexpr uint64_t trap_bit = 1ULL << (SIGTRAP - 1);
constexpr uint8_t int3 = 0xCC;
constexpr greg_t trap_flag = 0x100;
// SIGTRAP's si_code (the kernel's include/uapi/asm-generic/siginfo.h; arch/x86/kernel/traps.c).
constexpr int from_int3 = 0x80;  // SI_KERNEL
constexpr int from_int1 = 1;     // TRAP_BRKPT
constexpr int from_step = 2;     // TRAP_TRACE
constexpr int from_branch_step = 3;
constexpr int from_debug_register = 4;  // TRAP_HWBKPT

NET_INLINE long call(long number, long a = 0, long b = 0, long c = 0, long d = 0) {
  long result = number;
  register long r10 asm("r10") = d;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
}

template <typename T>
NET_INLINE T load(const T& from) {
  return __atomic_load_n(&from, __ATOMIC_ACQUIRE);
}
template <typename T>
NET_INLINE void store(T& to, T value) {
  __atomic_store_n(&to, value, __ATOMIC_RELEASE);
}

template <typename T>
NET_INLINE T& object_at(uint64_t address) {
  return *reinterpret_cast<T*>(address);  // NOLINT(performance-no-int-to-ptr)
}

NET_INLINE Header& header() {
  uint64_t here = 0;
  asm("lea 0(%%rip), %0" : "=r"(here));
  return object_at<Header>((here & ~uint64_t{page_size - 1}) + page_size);
}

NET_INLINE uint64_t pc_of(const ucontext_t& context) {
  return static_cast<uint64_t>(context.uc_mcontext.gregs[REG_RIP]);
}
NET_INLINE void set_pc(ucontext_t& context, uint64_t pc) {
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
}
/// The kernel's mask is this one word; libc's type is longer than what is in the frame.
NET_INLINE uint64_t& mask_of(ucontext_t& context) { return context.uc_sigmask.__val[0]; }

NET_INLINE Trap* traps(const Header& net) { return &object_at<Trap>(net.traps); }

NET_INLINE Trap* trap_at(const Header& net, uint64_t address) {
  const uint32_t count = load(net.trap_count);
  for (uint32_t i = 0; i < count; ++i) {
    if (traps(net)[i].address == address) return &traps(net)[i];
  }
  return nullptr;
}

/// True when the pc is where clew has put a thread after its hit: in a slot, or back at the trap.
NET_INLINE bool is_moved(const Header& net, uint64_t pc) {
  const uint32_t count = load(net.trap_count);
  for (uint32_t i = 0; i < count; ++i) {
    const Trap& trap = traps(net)[i];
    if (trap.address == pc) return (trap.flags & follows_own_int3) == 0;
    if (trap.slot != 0 && pc - trap.slot < net.slot_size) return true;
  }
  return false;
}

/// @return true when the original byte is there, or nothing is.
NET_INLINE bool put_back_through_file(const Trap& trap, long file) {
  uint8_t now = 0;
  const long at = static_cast<long>(trap.address);
  if (call(SYS_pread64, file, reinterpret_cast<long>(&now), 1, at) != 1) return true;
  if (now != int3) return true;
  return call(SYS_pwrite64, file, reinterpret_cast<long>(&trap.original), 1, at) == 1;
}

/// The way where the kernel refuses forced writes (proc_mem.force_override, Linux 6.12).
NET_INLINE bool put_back_by_mprotect(const Trap& trap) {
  const long page = static_cast<long>(trap.address & ~uint64_t{page_size - 1});
  const long made = call(SYS_mprotect, page, page_size, PROT_READ | PROT_WRITE | PROT_EXEC);
  if (made == -ENOMEM) return true;  // not mapped any more
  if (made != 0) return false;
  auto& byte = object_at<volatile uint8_t>(trap.address);
  if (byte == int3) byte = trap.original;
  call(SYS_mprotect, page, page_size, trap.protection);
  return true;
}

/// Takes all traps out, if no other thread is at it or has done it. There is nobody to wait for:
/// while one thread restores, others go on in slots.
NET_INLINE void restore(Header& net) {
  uint32_t before = armed;
  if (!__atomic_compare_exchange_n(&net.state, &before, uint32_t{restoring}, false,
                                   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    return;
  }
  const long file = call(SYS_open, reinterpret_cast<long>(net.memory_path), O_RDWR | O_CLOEXEC);
  const uint32_t count = load(net.trap_count);
  bool all = true;
  for (uint32_t i = 0; i < count; ++i) {
    Trap& trap = traps(net)[i];
    if (trap.is_out != 0) continue;
    const bool done =
        (file >= 0 && put_back_through_file(trap, file)) || put_back_by_mprotect(trap);
    if (done) store(trap.is_out, uint8_t{1});
    all = all && done;
  }
  if (file >= 0) call(SYS_close, file);
  store(net.state, uint32_t{all ? restored : partly});
}

/// Blocks SIGTRAP again in a thread in whose mask clew had unblocked it, once that is safe.
NET_INLINE void block_again(Header& net, ucontext_t& context) {
  if (net.unblocked_count == 0 || load(net.state) != restored) return;
  const auto tid = static_cast<int32_t>(call(SYS_gettid));
  auto* tids = &object_at<int32_t>(net.unblocked);
  for (uint32_t i = 0; i < net.unblocked_count; ++i) {
    if (tids[i] != tid) continue;
    store(tids[i], int32_t{0});
    mask_of(context) |= trap_bit;
  }
}

/// A thread has run into the int3 of `trap`.
NET_INLINE void on_hit(Header& net, Trap& trap, ucontext_t& context) {
  if ((net.flags & no_system_calls) == 0) {
    restore(net);
    block_again(net, context);
  }
  const bool run_slot = load(trap.is_out) == 0 && trap.slot != 0;
  set_pc(context, run_slot ? trap.slot : trap.address);
}

/// Makes the process die of SIGTRAP as it would have without the net.
NET_INLINE void die(const Header& net, siginfo_t* info, ucontext_t& context) {
  const uint64_t pc = pc_of(context);
  const int code = info->si_code;
  if (code == from_int3 || code == from_int1) {
    // The instruction once more, with SIGTRAP blocked: then the kernel resets the action and kills
    // (force_sig_info_to_task).
    const auto last = object_at<const uint8_t>(pc - 1);
    constexpr uint8_t int1 = 0xF1;
    // Else it was int $3, in two bytes.
    set_pc(context, pc - (last == int3 || last == int1 ? 1 : 2));
    mask_of(context) |= trap_bit;
    return;
  }
  if ((net.flags & no_system_calls) != 0) {
    uint64_t own_int3 = 0;
    asm("lea clew_net_int3(%%rip), %0" : "=r"(own_int3));
    set_pc(context, own_int3);
    mask_of(context) |= trap_bit;
    return;
  }
  SignalAction action{};
  action.flags = 0;
  call(SYS_rt_sigaction, SIGTRAP, reinterpret_cast<long>(&action), 0, sizeof action.mask);
  // The same signal again, blocked until the thread is back in the program, which is then seen in
  // the core file. A process may send itself any si_code (rt_tgsigqueueinfo(2)).
  const uint64_t only_trap = trap_bit;
  call(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&only_trap), 0, sizeof only_trap);
  mask_of(context) &= ~trap_bit;
  call(SYS_rt_tgsigqueueinfo, call(SYS_getpid), call(SYS_gettid), SIGTRAP,
       reinterpret_cast<long>(info));
}

/// A SIGTRAP that is none of clew's. @return the former handler, if there is one to run.
NET_INLINE uint64_t pass_on(Header& net, siginfo_t* info, ucontext_t& context) {
  uint64_t handler = load(net.former.handler);
  if ((net.former.flags & static_cast<uint64_t>(SA_RESETHAND)) != 0) {
    handler = __atomic_exchange_n(&net.former.handler, uint64_t{0}, __ATOMIC_ACQ_REL);
  }
  constexpr uint64_t ignore_action = 1;
  // An ignored signal that is forced (the program's own int3) kills all the same.
  if (handler == ignore_action && info->si_code <= 0) return 0;
  if (handler <= ignore_action) {
    die(net, info, context);
    return 0;
  }
  const bool blocks_itself = (net.former.flags & static_cast<uint64_t>(SA_NODEFER)) == 0 ||
                             (net.former.mask & trap_bit) != 0;
  if (blocks_itself && load(net.state) == restored && (net.flags & no_system_calls) == 0) {
    const uint64_t only_trap = trap_bit;
    call(SYS_rt_sigprocmask, SIG_BLOCK, reinterpret_cast<long>(&only_trap), 0, sizeof only_trap);
  }
  return handler;
}

/// A single step is over. One that a tracer left behind has its flag cleared in the frame (the
/// kernel's handle_signal); one with the flag still set is the program's own, if it has a handler
/// for it.
NET_INLINE bool is_own_step(const Header& net, ucontext_t& context) {
  auto& flags = context.uc_mcontext.gregs[REG_EFL];
  const bool is_on = (flags & trap_flag) != 0;
  if (is_on && load(net.former.handler) > 1) return true;
  flags &= ~trap_flag;
  return false;
}

}  // namespace

/// @return the handler to go on to; 0 to return to what was interrupted.
extern "C" [[gnu::section("clew_net"), gnu::used, gnu::visibility("hidden")]] uint64_t
clew_net_decide(int, siginfo_t* info, void* frame) {
  Header& net = header();
  auto& context = *static_cast<ucontext_t*>(frame);
  const uint64_t pc = pc_of(context);
  switch (info->si_code) {
    case from_int3:
      if (Trap* trap = trap_at(net, pc - 1); trap != nullptr) {
        on_hit(net, *trap, context);
        return 0;
      }
      if (is_moved(net, pc)) return 0;
      break;
    case from_step:
    case from_branch_step:
      if (!is_own_step(net, context)) return 0;
      break;
    case from_debug_register:
      return 0;
    default:
      break;
  }
  return pass_on(net, info, context);
}

}  // namespace clew::live::net
