#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arch/arch.h"
#include "arch/displace.h"
#include "live/memory_port.h"

namespace clew::live {

/// One trapped instruction. It is executed, when a thread has run into it, as a relocated copy in
/// its slot: the trap is never lifted for one thread while others could run past it.
struct Trap {
  Addr address;
  unsigned users = 0;  ///< how many have asked for it
  std::vector<std::byte>
      code;               ///< the instruction as the program has it, with some bytes behind it
  bool readable = false;  ///< `code` is what is there now
  bool patched = false;
  std::optional<Addr>
      slot;  ///< where its copy is; none when it cannot be copied or there is no room
  arch::Displaced copy;
};

/// Memory in the target that clew has mapped for slots.
class SlotArea {
 public:
  static constexpr uint64_t slot_size = 64;
  static_assert(slot_size >= arch::Displaced::max_size);

  SlotArea(Addr start, uint64_t size) : start_(start), owners_(size / slot_size) {}

  Addr start() const { return start_; }
  uint64_t size() const { return owners_.size() * slot_size; }
  bool contains(Addr a) const { return a >= start_ && a < start_ + size(); }
  /// @return the address of a free slot, nullopt when all are taken.
  std::optional<Addr> take(const Trap* owner);
  void give_back(Addr slot) { owners_[(slot - start_) / slot_size] = nullptr; }
  const Trap* owner(Addr a) const { return owners_[(a - start_) / slot_size]; }

 private:
  Addr start_;
  std::vector<const Trap*> owners_;
};

/// The traps that are wanted, the bytes that they replace, and whether they are in the text now.
/// Patching needs every thread held, but for insert_also(). Reads of memory never show the patches:
/// see hide().
class TrapTable {
 public:
  /// Maps pages of that size in the target, near an address. @return where, or why not.
  using MapPages = std::function<Result<Addr>(Addr near, uint64_t size)>;

  TrapTable(MemoryPort& memory, const arch::Arch& arch) : memory_(memory), arch_(arch) {}

  /// Wants a trap, counted.
  /// @return fault when there is no code that can be read.
  Status add(Addr address);
  void remove(Addr address);
  /// For when the address space has gone (exec): nothing is written.
  void forget();

  bool empty() const { return traps_.empty(); }
  bool is_inserted() const { return inserted_; }
  /// nullptr when there is no trap, or it is not in the text.
  const Trap* find_patched(Addr address) const;
  const Trap* find(Addr address) const;

  /// Every trap, by address.
  std::vector<const Trap*> all() const;

  /// Makes a slot for each trap that has none; before insert().
  void prepare(std::optional<pid_t> held, const MapPages& map_pages);
  /// Puts every trap into the text. @return the first that could not be put there; the others are.
  Status insert(std::optional<pid_t> held);
  /// The same two for one more among those that are in the text; others may run, since the trap is
  /// one byte, at the beginning of an instruction.
  void prepare_also(Addr address, std::optional<pid_t> held, const MapPages& map_pages);
  Status insert_also(Addr address, std::optional<pid_t> held);
  /// Takes every trap out. A byte that the target has changed since is left alone.
  void lift(std::optional<pid_t> held);
  /// Undoes the patches in a copy of the address space: the memory of a forked child.
  void clean_copy(MemoryPort& copy, pid_t held) const;

  /// Replaces what of the patches lies in bytes that were read from `start` on.
  void hide(Addr start, MutableBytes bytes) const;
  /// Before a write to memory while traps are in the text: keeps the patches in place and takes
  /// what is written there as the original bytes. Changes `bytes`.
  void write_through(Addr start, std::vector<std::byte>& bytes);

  /// The trap in whose slot an address lies; nullptr when it lies in none.
  const Trap* slot_owner(Addr address) const;
  bool has_slots() const { return !areas_.empty(); }
  const std::vector<SlotArea>& areas() const { return areas_; }
  void forget_areas() { areas_.clear(); }

 private:
  Status read_code(Trap& trap);
  Status patch(Trap& trap, std::optional<pid_t> held);
  Bytes original(const Trap& trap) const { return Bytes(trap.code).first(arch_.trap_code.size()); }
  void free_slot(Trap& trap);
  bool prepare_slot(Trap& trap, std::optional<pid_t> held, const MapPages& map_pages);
  bool fill_slot(Trap& trap, Addr slot, std::optional<pid_t> held);

  MemoryPort& memory_;
  const arch::Arch& arch_;
  std::map<uint64_t, std::unique_ptr<Trap>> traps_;    // by address
  std::unordered_map<uint64_t, const Trap*> patched_;  // for the hot path
  std::vector<SlotArea> areas_;
  bool inserted_ = false;
};

}  // namespace clew::live
