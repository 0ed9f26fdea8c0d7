#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/addr.h"
#include "base/memory_reader.h"
#include "os/mappings.h"
#include "os/proc_dir.h"
#include "sym/module.h"
#include "sym/shared_variables.h"

namespace clew::sym {

/// A module and where it is mapped.
struct LoadedModule {
  std::shared_ptr<const Module> module;
  uint64_t bias = 0;  ///< runtime address = the file's own address + bias (wraps around)
  Addr start, end;    ///< from the first to behind the last mapped byte of code

  uint64_t to_file(Addr address) const { return address.value - bias; }
  Addr to_runtime(uint64_t address) const { return {address + bias}; }
};

/// Opens the files of one process and remembers them, so that a new look at the mappings costs only
/// what is new.
class ModuleLoader {
 public:
  virtual ~ModuleLoader() = default;

  /// The module of a mapping; nullptr when there is none to be had (anonymous code, a file that
  /// cannot be read, no ELF file).
  virtual std::shared_ptr<const Module> load(const os::Mapping& mapping) = 0;
};

/// The real one: files through /proc/PID/map_files and the target's own root, the vdso from its
/// memory. A file whose build-id is not the one in memory is not taken; what memory itself has of
/// the module stands in for it, and Module::problems() says so. `proc` and `memory` must outlive
/// it.
std::unique_ptr<ModuleLoader> process_module_loader(const os::ProcDir& proc, MemoryReader& memory,
                                                    std::shared_ptr<const DebugFileFinder> finder);

/// What is mapped where, at one moment. A value: cheap to copy, never changes.
class ModuleMap {
 public:
  ModuleMap() = default;
  /// `code` are the executable mappings, by address.
  ModuleMap(std::span<const os::Mapping> code, ModuleLoader& loader);
  explicit ModuleMap(std::vector<LoadedModule> modules);

  const std::vector<LoadedModule>& modules() const { return modules_; }
  /// The module whose code covers an address; nullptr when none does.
  const LoadedModule* find(Addr address) const;
  /// By file name (the last part of the path, or the whole). @return nullptr.
  const LoadedModule* find(std::string_view name) const;

  /// Where the variable is that a module has at an address of its own: in the module, or in the
  /// program, if that has one of the same name.
  Addr variable_at(const LoadedModule& loaded, uint64_t address) const;

 private:
  /// Read when it is first asked for; for all copies of a map.
  struct Shared {
    std::once_flag once;
    std::optional<SharedVariables> variables;
  };
  std::vector<LoadedModule> modules_;  // by address
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

/// @return what must be added to the addresses in `image` for a mapping of file offset
/// `file_offset` at `start`; nullopt when no segment is loaded from there.
std::optional<uint64_t> load_bias(const ElfImage& image, uint64_t file_offset, Addr start);

}  // namespace clew::sym
