#pragma once

#include <string>
#include <vector>

#include "base/work_control.h"
#include "session/symbols.h"

namespace clew {

/// A name that a search has found, with what a person wants to know of it.
struct NameLine {
  std::string name;             ///< of functions with their parameters
  sym::SourceLine declared;     ///< empty when it is not known
  std::string module;           ///< last part of the file's path
  std::optional<Addr> address;  ///< of what is known from ELF symbols alone

  friend bool operator<(const NameLine& a, const NameLine& b);
  friend bool operator==(const NameLine& a, const NameLine& b);
};

/// Every name of these kinds that an extended regular expression (regex(7)) matches anywhere; an
/// empty one is all. Those with debug information, then, of functions and variables, those that
/// only symbols tell of. Sorted, each once. For a worker; `symbols` must have its names and must
/// not be used meanwhile.
/// @return bad_request for what is no regular expression, cancelled.
Result<std::vector<NameLine>> search_names(Symbols& symbols, sym::NameKinds kinds,
                                           const std::string& expression,
                                           const WorkControl& control);

}  // namespace clew
