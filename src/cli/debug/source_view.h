#pragma once

#include <optional>
#include <string>

#include "arch/disassemble.h"
#include "base/addr.h"
#include "session/source_files.h"

namespace clew::cli {

/// How the prompt shows source and code, and where it goes on.
struct SourceView {
  SourceFiles files;
  unsigned list_size = 10;
  arch::AssemblyFlavor flavor = arch::AssemblyFlavor::intel;

  /// What `list` has shown last; lines from 1.
  struct Listed {
    std::string file;
    size_t first = 0, last = 0;
    std::optional<Addr> pc;  ///< where the thread stood then: elsewhere, `list` begins anew
  };
  std::optional<Listed> listed;
};

}  // namespace clew::cli
