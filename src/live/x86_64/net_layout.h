#pragma once

#include <cstdint>

// Includes nothing else of clew and no C++ library: net_code.cpp is compiled for general registers
// only.

/// The safety net: code that runs in the target, as its SIGTRAP handler, when clew has died and
/// left traps in the text. While clew is attached, ptrace takes each SIGTRAP of a trap first, and
/// the handler is not reached; only a SIGTRAP that clew passes on (one that was sent, or that the
/// program's own int3 made) goes through it to the program's former action.
///
/// Memory of the net in the target, all by one mmap or by several:
///
///   code   one page, r-x: net::code() from its first byte on
///   data   the page right behind it, rw-: Header, then wherever Header says: Trap[], tids
///   slots  r-x, within 2 GiB of the text: see arch/displace.h
///
/// How to change the table while threads of the target run, so that a death at any moment finds it
/// usable:
///   to set a trap     write its slot, then its Trap, then trap_count, then the int3;
///   to remove a trap  write the original byte, then set Trap::is_out; give the entry to another
///                     trap only when no thread can be on its way from the old one.
namespace clew::live::net {

constexpr uint32_t page_size = 4096;
constexpr uint64_t magic = 0x3174656e'77656c63;  // "clewnet1"

/// What became of the traps. Only the net writes it, in the target.
enum State : uint32_t {
  armed = 0,
  restoring,  ///< a thread writes the original bytes; others go on in slots
  restored,   ///< no trap is left
  partly,     ///< some bytes could not be written: their traps lead to slots for good
};

enum Flags : uint32_t {
  /// The target's seccomp filter may kill it for any system call: make none but the sigreturn.
  /// Every trap needs a slot then.
  no_system_calls = 1,
};

enum TrapFlags : uint8_t {
  /// The instruction right before the trap is an int3 of the program's own. Without this, a thread
  /// that comes with its pc at the trap is taken for one that clew had set back.
  follows_own_int3 = 1,
};

struct Trap {
  uint64_t address;
  uint64_t slot;       ///< where the instruction can run; 0: nowhere
  uint8_t original;    ///< the byte that the int3 replaced
  uint8_t protection;  ///< PROT_* of the page, for the way by mprotect(2)
  uint8_t flags;       ///< TrapFlags
  uint8_t is_out;      ///< the original byte is back
  uint32_t reserved;
};
static_assert(sizeof(Trap) == 24);

/// The kernel's struct sigaction of x86-64 (arch/x86/include/uapi/asm/signal.h), which is not
/// libc's.
struct SignalAction {
  uint64_t handler;  ///< 0: default, 1: ignored
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;  ///< bit n-1 is signal n
};

/// The beginning of the data page.
struct Header {
  uint64_t magic;
  uint32_t flags;
  uint32_t state;
  SignalAction former;  ///< the program's own action of SIGTRAP
  uint64_t traps;       ///< address of Trap[trap_count]
  uint32_t trap_count;
  uint32_t slot_size;  ///< room of one slot, in bytes
  /// Address of the tids (int32_t) of the threads in whose signal masks clew has unblocked SIGTRAP.
  /// The net blocks it again for each that it meets once no trap is left.
  uint64_t unblocked;
  uint32_t unblocked_count;
  uint32_t reserved;
  char memory_path[24];  ///< memory_file
};

/// Of the thread itself, since /proc/self has no memory once the leader has exited.
constexpr char memory_file[] = "/proc/thread-self/mem";
static_assert(sizeof memory_file <= sizeof(Header::memory_path));

}  // namespace clew::live::net
