#pragma once

#include <elfutils/libdw.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sym/elf_image.h"
#include "sym/symbol_table.h"

namespace clew::sym {

class CodeTables;
class UnwindTable;

class SplitDwarf;

/// Where the debug information of a module is looked for, apart from the module itself. What the
/// user should know (a file that does not fit, a server that does not answer) is put into
/// `problems`, one line each.
class DebugFileFinder {
 public:
  virtual ~DebugFileFinder() = default;

  /// @return the separate debug file for an image, or nullptr when there is none.
  virtual std::unique_ptr<ElfImage> find(const ElfImage& image, const std::string& path,
                                         std::vector<std::string>& problems) const = 0;
  /// The file that `image`, found at `path`, shares debug information with (.gnu_debugaltlink).
  /// @return nullptr when it names none, or it is not there.
  virtual std::unique_ptr<ElfImage> find_alternate(const ElfImage& image, const std::string& path,
                                                   std::vector<std::string>& problems) const = 0;
  /// Any ELF file by its path (.dwo, .dwp). @return nullptr.
  virtual std::unique_ptr<ElfImage> open_file(const std::string& path) const = 0;
};

/// One ELF file with all that is known of it; the same whether it is mapped once, often or not at
/// all. Addresses are the file's own ("link-time"); ModuleMap knows what has to be added.
///
/// libdw fills its tables as it is asked and is not made for several threads (elfutils 0.188), so
/// that every use of dwarf() and of what comes from it needs the lock.
class Module {
 public:
  /// `path` is what users are shown: as the target's mappings name it. `problems` are those that
  /// were met on the way to the image.
  static std::shared_ptr<Module> create(std::unique_ptr<ElfImage> image, std::string path,
                                        std::shared_ptr<const DebugFileFinder> finder,
                                        std::vector<std::string> problems = {});
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& path() const { return path_; }
  /// The last part of the path.
  std::string_view name() const;
  const BuildId& build_id() const { return image_->build_id(); }
  const ElfImage& image() const { return *image_; }

  /// The image that has the debug information: a separate file, or the module itself. Looked for at
  /// the first call.
  const ElfImage& debug_image() const;
  /// True when debug_image() is another file than image().
  bool has_separate_debug_file() const;
  /// Which files, exactly, the names of the module come from, in bytes that are others when one of
  /// them is another or was changed. Opens them and unpacks nothing. nullopt when that cannot be
  /// told: what memory has of a module, units that are split off into files of their own.
  std::optional<std::string> files() const;

  /// The same module once more, for one who wants names, types and where variables lie, and nothing
  /// of functions and lines: of its own debug information, when that is compressed, the rest is not
  /// unpacked. nullptr when that would be no less work.
  std::shared_ptr<const Module> without_code() const;

  /// What has to be added to an address of the debug information to make it one of the module; 0
  /// unless the module was moved after its debug information was set apart (prelink).
  uint64_t debug_bias() const;

  /// nullptr when there is no debug information. Use it under lock().
  Dwarf* dwarf() const;
  /// The whole unit of a skeleton unit, when its other part is found (DWARF 5, 3.1.2): `unit` is
  /// replaced. Every other unit stays as it is. Use it under lock().
  void complete_unit(Dwarf_Die& unit) const;
  /// Unwind tables, empty when there are none. They need no lock.
  const UnwindTable& eh_frame() const;
  const UnwindTable& debug_frame() const;
  std::unique_lock<std::recursive_mutex> lock() const {
    return std::unique_lock<std::recursive_mutex>(mutex_);
  }

  /// What was read of the debug information's functions and lines. Use it under lock().
  CodeTables& code_tables() const;

  /// The best table of symbols that there is. Immutable once it was read.
  const SymbolTable& symbols() const;

  /// What the user should know of how this module was read: one line each, of what has been read so
  /// far.
  std::vector<std::string> problems() const;

 private:
  Module(std::unique_ptr<ElfImage> image, std::string path,
         std::shared_ptr<const DebugFileFinder> finder);

  const ElfImage& packed_debug_image() const;
  const ElfImage* packed_alternate() const;
  void open_dwarf() const;
  void add_problems(std::vector<std::string> problems) const;

  std::string path_;
  std::unique_ptr<ElfImage> image_;
  std::shared_ptr<const DebugFileFinder> finder_;
  mutable std::recursive_mutex mutex_;
  mutable std::once_flag found_once_, debug_once_, alternate_once_, dwarf_once_, symbols_once_,
      eh_frame_once_, debug_frame_once_;
  mutable std::unique_ptr<ElfImage> found_;      // a separate debug file, as it is on disk
  mutable std::unique_ptr<ElfImage> debug_;      // the debug information unpacked, if it was packed
  mutable std::unique_ptr<ElfImage> alternate_;  // as it is on disk
  mutable std::unique_ptr<ElfImage> plain_alternate_, mini_debug_;
  mutable Dwarf* dwarf_ = nullptr;
  mutable Dwarf* alternate_dwarf_ = nullptr;
  mutable std::unique_ptr<SplitDwarf> split_;
  mutable std::unique_ptr<UnwindTable> eh_frame_, debug_frame_;
  mutable SymbolTable symbols_;
  mutable std::unique_ptr<CodeTables> code_tables_;
  mutable std::mutex problems_mutex_;
  mutable std::vector<std::string> problems_;
};

}  // namespace clew::sym
