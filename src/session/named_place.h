#pragma once

#include <cstdint>
#include <string>

#include "sym/code.h"

namespace clew {

/// Where an address of code is, in words.
struct NamedPlace {
  std::string function;  ///< the one that the code belongs to, with scopes; empty when not known
  uint64_t offset = 0;   ///< from the function's first byte
  sym::SourceLine line;  ///< empty when it is not known

  /// "function+0x10 at main.c:12", fit for a terminal, with long names cut to `width` columns (0:
  /// as they are); empty when the function is not known.
  std::string description(size_t width) const;
};

}  // namespace clew
