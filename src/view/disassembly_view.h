#pragma once

#include <optional>
#include <string>
#include <vector>

#include "session/disassembly.h"
#include "session/source_files.h"
#include "view/style.h"

namespace clew {

struct DisassemblyOptions {
  enum class Source : uint8_t {
    none,
    in_code_order,  ///< the source of each stretch of instructions before it (`/s`)
    in_line_order   ///< each line of source, with all its instructions (`/m`)
  };
  Source source = Source::none;
  bool raw_bytes = false;       ///< `/r`
  bool function_names = false;  ///< with the function in each line, as `x/i` shows it: <f+4>
  std::optional<Addr> current;  ///< where the selected thread stands
};

/// Instructions as text. `sources` are asked for source lines; what cannot be read is left out.
std::string render_disassembly(const std::vector<DisassembledLine>& lines,
                               const DisassemblyOptions& options, SourceFiles& sources,
                               const Style& style);

}  // namespace clew
