#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sym/interval_map.h"
#include "sym/range_reader.h"
#include "sym/unit_reader.h"

namespace clew::sym {

/// The functions of one unit and what they are declared in, read in one walk when the unit is first
/// asked about. Used under the module's lock.
class UnitCode {
 public:
  /// `ranges` must outlive it.
  UnitCode(const Dwarf_Die& unit, std::shared_ptr<const UnitShapes> shapes, RangeReader& ranges);

  const Dwarf_Die& unit() const { return unit_; }
  /// DW_LANG_…; 0 when unknown.
  int language() const { return language_; }

  /// The function whose code covers an address. @return false when there is none.
  bool find_function(uint64_t address, Dwarf_Die& function) const;
  struct Piece {
    uint64_t start = 0, end = 0;
  };
  /// From the first to behind the last address of the piece of code around `address` that belongs
  /// to its function. @return false when none does.
  bool find_piece(uint64_t address, Piece& piece) const;

  /// Every piece of code that belongs to a function of the unit, by address.
  const std::vector<IntervalMap<uint32_t>::Item>& function_pieces() const {
    return function_at_.pieces();
  }

  /// Inlined copies that cover an address, innermost first; their function must be of this unit.
  std::vector<Dwarf_Die> inlined_at(const Dwarf_Die& function, uint64_t address);

  /// What an entry of this unit is declared in: a namespace, a class, a function and so on.
  /// @return false when it stands in the unit itself.
  bool find_scope(const Dwarf_Die& die, Dwarf_Die& scope) const;

 private:
  struct Scope {
    const std::byte* start;
    const std::byte* end;  // behind its last child
    uint32_t parent;       // index + 1; 0 is the unit itself
  };
  /// The inlined copies of one function.
  struct Inlined {
    struct Copy {
      const std::byte* die;
      uint32_t parent;  // index + 1; 0 is the function
    };
    std::vector<Copy> copies;
    IntervalMap<uint32_t> at;  // the innermost, as an index
  };

  void read_entries();
  const Inlined& inlined_of(const Dwarf_Die& function);
  void add_ranges(const std::byte* die, uint32_t value,
                  std::vector<IntervalMap<uint32_t>::Item>& into);

  Dwarf_Die unit_{};
  UnitReader reader_;
  RangeReader& ranges_;
  int language_ = 0;
  std::vector<const std::byte*> functions_;
  IntervalMap<uint32_t> function_at_;
  std::vector<Scope> scopes_;  // by start
  std::unordered_map<const std::byte*, Inlined> inlined_;
};

}  // namespace clew::sym
