#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sym/dwarf_package.h"
#include "sym/elf_image.h"
#include "sym/elf_sections.h"

namespace clew::sym {

class DebugFileFinder;

/// The parts of units that compilers leave in files of their own (-gsplit-dwarf): .dwo files, or a
/// package of them (.dwp). libdw of elfutils 0.188 reads no packages and looks for .dwo files only
/// in our own mount namespace, so each is found here, and made into a file in memory that is
/// complete without its skeleton.
class SplitDwarf {
 public:
  /// `image` has the skeleton units that `dwarf` reads, and is part of the module at `path`.
  /// `finder` opens the files; nullptr means our own root.
  SplitDwarf(const ElfImage& image, Dwarf* dwarf, std::string path, const DebugFileFinder* finder);
  ~SplitDwarf();
  SplitDwarf(const SplitDwarf&) = delete;
  SplitDwarf& operator=(const SplitDwarf&) = delete;

  /// Replaces a skeleton unit by the whole one when it is found; the first time that one is not is
  /// a problem.
  void complete(Dwarf_Die& unit, std::vector<std::string>& problems);
  /// True when one of the units that were completed, or could not be, is a skeleton.
  bool has_skeletons() const { return has_skeletons_; }

 private:
  struct Skeleton;
  struct Whole;

  bool read_skeleton(const Dwarf_Die& unit, Skeleton& skeleton);
  std::unique_ptr<Whole> find(const Skeleton& skeleton);
  std::unique_ptr<Whole> find_in_package(const Skeleton& skeleton);
  std::unique_ptr<Whole> find_file(const Skeleton& skeleton);
  bool assemble(const Skeleton& skeleton, SplitSections sections, Whole& whole) const;
  std::unique_ptr<ElfImage> open(const std::string& path) const;
  /// Where the range lists of the next unit begin.
  uint64_t end_of_ranges(uint64_t base);

  const ElfImage& image_;
  Dwarf* dwarf_;
  std::string path_;
  const DebugFileFinder* finder_;
  bool package_was_looked_for_ = false;
  std::unique_ptr<ElfImage> package_image_;
  std::optional<DwarfPackage> package_;
  std::optional<std::vector<uint64_t>> range_bases_;
  std::unordered_map<Dwarf_CU*, std::unique_ptr<Whole>> known_;
  bool missing_was_said_ = false;
  bool has_skeletons_ = false;
};

}  // namespace clew::sym
