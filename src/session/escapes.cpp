#include "session/escapes.h"

#include <array>
#include <bit>
#include <string_view>

namespace clew {
namespace {

// The jmp_buf of x86-64, in words: glibc and musl agree (sysdeps/x86_64/jmpbuf-offsets.h,
// src/setjmp/x86_64/setjmp.s). glibc keeps sp and pc rotated and mixed with a word of the thread's
// control block (sysdeps/unix/sysv/linux/x86_64/pointer_guard.h).
constexpr size_t saved_sp = 6;
constexpr size_t saved_pc = 7;
constexpr uint64_t guard_offset = 0x30;
constexpr int guard_rotation = 17;

// libgcc's struct _Unwind_Context (libgcc/unwind-dw2.c): a pointer for each of 18 registers, then
// the stack pointer of the frame that is looked at, then the address that its call returns to.
constexpr uint64_t context_cfa = 0x90;
constexpr uint64_t context_return = 0x98;

}  // namespace

std::optional<Escapes::Kind> Escapes::kind_of(std::string_view symbol) {
  if (symbol == "longjmp" || symbol == "_longjmp" || symbol == "siglongjmp" ||
      symbol == "__longjmp_chk")
    return Kind::jump;
  if (symbol == "_Unwind_SetIP") return Kind::set_address;
  if (symbol == "__cxa_begin_catch") return Kind::begin_handler;
  return std::nullopt;
}

void Escapes::look() {
  generation_ = symbols_.generation();
  kinds_.clear();
  gates_.clear();
  for (const sym::LoadedModule& loaded : symbols_.modules().modules()) {
    for (const sym::Symbol& symbol : loaded.module->symbols().by_address()) {
      if (!symbol.name.starts_with('_') && !symbol.name.ends_with("longjmp")) continue;
      const auto kind = kind_of(symbol.name);
      if (!kind) continue;
      const Addr at = loaded.to_runtime(symbol.address);
      if (kinds_.emplace(at.value, *kind).second) gates_.push_back(at);
    }
  }
}

const std::vector<Addr>& Escapes::gates() {
  if (generation_ != symbols_.generation()) look();
  return gates_;
}

std::optional<uint64_t> Escapes::word_at(uint64_t address) const {
  const auto word = memory_.read<uint64_t>({address});
  return word ? std::optional(*word) : std::nullopt;
}

std::optional<Escapes::Landing> Escapes::of_jump(uint64_t buffer,
                                                 const arch::GeneralRegisters& registers) const {
  const auto sp = word_at(buffer + saved_sp * word_size);
  const auto pc = word_at(buffer + saved_pc * word_size);
  if (!sp || !pc) return std::nullopt;
  if (const auto guard = word_at(registers.word(arch_.thread_pointer) + guard_offset)) {
    const auto plain = [&](uint64_t kept) { return std::rotr(kept, guard_rotation) ^ *guard; };
    if (is_code(plain(*pc))) return Landing{{plain(*pc)}, plain(*sp), false};
  }
  if (is_code(*pc)) return Landing{{*pc}, *sp, false};
  return std::nullopt;
}

std::optional<Escapes::Landing> Escapes::of_unwinder(uint64_t context, uint64_t address) const {
  const auto cfa = word_at(context + context_cfa);
  const auto returns_to = word_at(context + context_return);
  // Another unwinder's context (LLVM's libunwind) has something else there; and a frame that a
  // signal has interrupted has made no call.
  if (!cfa || !returns_to || word_at(*cfa - word_size) != returns_to) return std::nullopt;
  if (!is_code(address)) return std::nullopt;
  return Landing{{address}, *cfa, true};
}

std::optional<Escapes::Landing> Escapes::landing(Addr gate,
                                                 const arch::GeneralRegisters& registers) const {
  const auto found = kinds_.find(gate.value);
  if (found == kinds_.end()) return std::nullopt;
  // Where the first two arguments of a function are: System V ABI, AMD64, 3.2.3.
  const uint64_t first = registers.word(arch_.find("rdi")->offset);
  const uint64_t second = registers.word(arch_.find("rsi")->offset);
  switch (found->second) {
    case Kind::jump:
      return of_jump(first, registers);
    case Kind::set_address:
      return of_unwinder(first, second);
    case Kind::begin_handler:
      break;
  }
  // Called first of all in a handler, to which it returns.
  const uint64_t sp = arch_.sp_of(registers);
  const auto back = word_at(sp);
  return back ? std::optional(Landing{{*back}, sp + word_size, false}) : std::nullopt;
}

bool Escapes::is_cleanup(const arch::GeneralRegisters& registers) {
  // The personality routine's selector of handlers comes in the second register for exceptions
  // (Itanium C++ ABI, Exception Handling, 1.3; rdx here): 0 says that there is none.
  if (static_cast<uint32_t>(registers.word(arch_.find("rdx")->offset)) != 0) return false;
  // Rust has none at all; what catches a panic is a function of its library.
  const std::string& function = symbols_.place({arch_.pc_of(registers)}).function;
  for (const std::string_view name : {"__rust_try", "panicking::try", "panicking::catch_unwind"}) {
    if (function.find(name) != function.npos) return false;
  }
  return true;
}

}  // namespace clew
