#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/work_control.h"
#include "sym/dwarf_die.h"

namespace clew::sym {

/// What a name stands for.
enum class NameKind : uint8_t {
  function,          ///< has code of its own
  inlined_function,  ///< the abstract instance: its code is where it was inlined
  variable,          ///< global, static or thread-local; or a constant
  type,
  enumerator,
};

constexpr uint32_t no_scope = 0xffffffff;

/// A namespace, type or function that named things lie in. Written to disk as it is.
struct ScopeRecord {
  uint64_t name = 0;  ///< NameRef::bits; 0 for what has no name
  uint32_t parent = no_scope;
  uint16_t tag = 0;
  uint16_t flags = 0;

  static constexpr uint16_t is_inline = 1;  ///< an inline namespace or plain enum: may be left out
};

/// A named thing. Written to disk as it is.
struct NameRecord {
  uint64_t name = 0;          ///< NameRef::bits
  uint64_t die_and_kind = 0;  ///< its offset in .debug_info or .debug_types, as its unit says
  uint32_t scope = no_scope;
  uint32_t hash = 0;  ///< hash_name() of the base name

  NameRecord() = default;
  NameRecord(NameRef n, uint64_t die, NameKind kind, uint32_t s, uint32_t h)
      : name(n.bits()), die_and_kind(die << 8 | static_cast<uint8_t>(kind)), scope(s), hash(h) {}
  NameRef name_ref() const { return NameRef::from_bits(name); }
  uint64_t die() const { return die_and_kind >> 8; }
  NameKind kind() const { return static_cast<NameKind>(die_and_kind & 0xff); }
};

/// What the scan of one unit finds. Scopes are numbered within it, outer ones before those in them.
struct UnitNames {
  uint64_t unit = 0;  ///< offset
  bool in_types = false;
  uint16_t language = 0;  ///< DW_LANG_…; 0 when the unit does not say
  std::vector<ScopeRecord> scopes;
  std::vector<NameRecord> names;
  bool is_broken = false;  ///< it ends early: what stands there makes no sense
};

/// Which names are wanted, by their kind and as they are written in the debug information. Called
/// by several threads at a time.
using WantedNames = std::function<bool(NameKind, std::string_view)>;

/// Where the scopes of a unit begin and end, to find those around a DIE that is known by its
/// offset.
struct ScopeExtents {
  std::vector<ScopeRecord> scopes;
  std::vector<uint64_t> starts, ends;  // as scopes; by start; an end of 0 is not known

  /// The innermost scope that a DIE lies in; no_scope when there is none.
  uint32_t around(uint64_t die) const;
};

/// Walks units and collects what is defined in them under a name: functions with code or inlined
/// ones, variables with a fixed place, types, enumerators. A reader of DIEs of our own, since this
/// sees all of .debug_info, for which libdw takes ten times as long. For one thread; several
/// scanners may work on the same sections.
class DwarfScanner {
 public:
  /// `units` are those of `sections`, `alt_units` those of its alt(); all must outlive it.
  DwarfScanner(const DwarfSections& sections, std::span<const DwarfUnit> units,
               std::span<const DwarfUnit> alt_units = {});

  /// Counts the bytes read in `control`. Cancelled, it returns what there is so far. Without
  /// `wanted` it finds all names.
  UnitNames scan(const DwarfUnit& unit, WorkControl& control, const WantedNames& wanted = {});

 private:
  class Walk;
  /// One of the two files: the one that is scanned, and the one that dwz has made.
  struct File {
    DieReaders readers;
    bool is_alt = false;
  };
  /// The end of a chain of references: the declaration that a definition belongs to.
  struct Declaration {
    NameRef name;  ///< the first on the way that there is
    File* file = nullptr;
    uint64_t die = 0;
  };
  /// The scopes of another unit, which definitions may refer to.
  struct ForeignScopes {
    const DwarfUnit* unit = nullptr;
    ScopeExtents extents;
  };

  Declaration follow(File& file, const DieReader& reader, const DieReference& reference,
                     int chain = 0);
  NameRef signed_name(File& file, const DieReader& reader, const DiePlace& die);
  const ScopeExtents* scopes_of(File& file, uint64_t die);
  uint32_t hash_of(NameRef name, uint16_t language);
  void give_back(const File& file, Bytes bytes, WorkControl* control);

  File main_;
  std::optional<File> alt_;
  std::list<ForeignScopes> foreign_;  // the latest first

  struct KnownHash {
    uint64_t name = 0;
    uint32_t hash = 0;
  };
  std::vector<KnownHash> hashes_;
  uint64_t read_since_ = 0;
};

}  // namespace clew::sym
