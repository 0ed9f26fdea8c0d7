#pragma once

#include <string>
#include <vector>

#include "base/work_control.h"
#include "session/symbols.h"

namespace clew {

/// A source file that the debug information of a module tells of.
struct SourceOfModule {
  std::string module;  ///< last part of the file's path
  std::string file;

  friend auto operator<=>(const SourceOfModule&, const SourceOfModule&) = default;
};

/// Every source file whose name an extended regular expression matches; an empty one is all.
/// Sorted. For a worker; `symbols` must not be used meanwhile. @return bad_request, cancelled.
Result<std::vector<SourceOfModule>> list_sources(const Symbols& symbols,
                                                 const std::string& expression,
                                                 const WorkControl& control);

}  // namespace clew
