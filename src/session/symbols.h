#pragma once

#include <memory>
#include <vector>

#include "os/mappings.h"
#include "os/proc_dir.h"
#include "os/process_memory.h"
#include "sym/module_map.h"

namespace clew {

/// What is known of one process's code by name. Needs no stop and no attach: it reads files, the
/// mappings, and the vdso from memory. One for each process; fronts and commands share it.
class Symbols {
 public:
  /// `proc` must outlive it. Reads the mappings and opens the files that are mapped; their debug
  /// information is read when something is asked of it. `finder` may be nullptr.
  Symbols(const os::ProcDir& proc, std::shared_ptr<const sym::DebugFileFinder> finder);

  /// What is mapped where, as of the last refresh().
  const sym::ModuleMap& modules() const { return modules_; }

  /// Looks at the mappings again: at every stop, and when a library may have come or gone. @return
  /// true when they have changed.
  bool refresh();

 private:
  const os::ProcDir& proc_;
  os::ProcessMemory memory_;
  std::unique_ptr<sym::ModuleLoader> loader_;
  std::vector<os::Mapping> code_;
  sym::ModuleMap modules_;
};

}  // namespace clew
