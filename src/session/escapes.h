#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arch/arch.h"
#include "base/addr.h"
#include "base/memory_reader.h"
#include "session/symbols.h"

namespace clew {

/// Where threads leave functions without returning from them: by longjmp(3) and its kin, and by
/// exceptions (of C++, panics of Rust) on their way to a frame that catches them.
class Escapes {
 public:
  /// Where such a way leads.
  struct Landing {
    Addr address;
    uint64_t sp = 0;  ///< of the frame that goes on, or less where arguments lie on the stack
    /// It may be one of the places that clean a frame up and pass the exception on: see
    /// is_cleanup().
    bool may_clean_up = false;
  };

  /// All must outlive it.
  Escapes(Symbols& symbols, MemoryReader& memory, const arch::Arch& arch)
      : symbols_(symbols), memory_(memory), arch_(arch) {}

  /// The beginnings of the functions that lead there, in the modules that are mapped now.
  const std::vector<Addr>& gates();
  /// For a thread that stands at a gate. Its memory is read, no other thread is looked at. @return
  /// nothing where it cannot be told.
  std::optional<Landing> landing(Addr gate, const arch::GeneralRegisters& registers) const;
  /// Whether a thread at a landing only cleans its frame up.
  bool is_cleanup(const arch::GeneralRegisters& registers);

 private:
  enum class Kind : uint8_t {
    jump,          ///< longjmp(jmp_buf, int)
    set_address,   ///< _Unwind_SetIP(context, address)
    begin_handler  ///< __cxa_begin_catch(exception)
  };

  static std::optional<Kind> kind_of(std::string_view symbol);
  void look();
  std::optional<Landing> of_jump(uint64_t buffer, const arch::GeneralRegisters& registers) const;
  std::optional<Landing> of_unwinder(uint64_t context, uint64_t address) const;
  std::optional<uint64_t> word_at(uint64_t address) const;
  bool is_code(uint64_t address) const { return symbols_.modules().find({address}) != nullptr; }

  Symbols& symbols_;
  MemoryReader& memory_;
  const arch::Arch& arch_;
  uint64_t generation_ = 0;  ///< of the modules that were looked at
  std::unordered_map<uint64_t, Kind> kinds_;
  std::vector<Addr> gates_;
};

}  // namespace clew
