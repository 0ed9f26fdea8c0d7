#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <mutex>
#include <vector>

#include "sym/name_cache.h"
#include "sym/name_index.h"
#include "sym/prebuilt_index.h"

namespace clew::sym {

/// The names in the debug information of one file: a module's own, the one that dwz has made for
/// several, or one of those that it was split into.
class NameFile {
 public:
  /// `dwarf` and `image` must outlive it. The sections of `image` are mapped anew; without an image
  /// they are taken from libdw. Needs the module's lock.
  NameFile(Dwarf* dwarf, const ElfImage* image, BuildId build_id);
  NameFile(const NameFile&) = delete;
  NameFile& operator=(const NameFile&) = delete;

  /// `alt` is the file of dwz that this one uses.
  void set_alt(const NameFile& alt);
  const NameFile* alt() const { return alt_; }

  /// Reads the index from the cache or scans. A file that has an index of its own is scanned only
  /// when that does not suffice. @return cancelled.
  Status load(const NameCache& cache, unsigned threads, WorkControl& control);

  /// Reads these names alone from the debug information, and keeps them nowhere else. @return
  /// cancelled.
  Status load_only(const WantedNames& wanted, unsigned threads, WorkControl& control);

  Dwarf* dwarf() const { return dwarf_; }
  const DwarfSections& sections() const { return *sections_; }
  const std::vector<DwarfUnit>& units() const { return units_; }

  /// All names. Scans now if that was put off.
  const NameIndex& index() const;
  /// Enough of the index to find the functions of a name: what the file's own index points to, or
  /// all of it. `whole` becomes whether it is all.
  std::shared_ptr<const NameIndex> functions_index(const NameQuery& query, bool& whole) const;

  /// The DIE of a name of an index. Needs the module's lock. @return false when it is not one of
  /// the name's kind: the index is not that of this file after all.
  bool die_of(const NameIndex& index, size_t name, Dwarf_Die& die) const;

 private:
  Result<NameIndex> scan(std::span<const DwarfUnit> units, unsigned threads, WorkControl& control,
                         const WantedNames& wanted = {}) const;

  Dwarf* dwarf_;
  BuildId build_id_;
  std::unique_ptr<DwarfSections> sections_;
  std::vector<DwarfUnit> units_;
  const NameFile* alt_ = nullptr;
  std::unique_ptr<PrebuiltIndex> prebuilt_;
  unsigned threads_ = 1;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const NameIndex> index_;
};

/// The language of a name's unit: DW_LANG_…; 0 when it is not known.
uint16_t language_of(const NameIndex& index, size_t name);

}  // namespace clew::sym
