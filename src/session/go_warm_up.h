#pragma once

#include "session/symbols.h"

namespace clew {

/// Reads what will be asked of a Go program's files, so that it is not read during a stop. Does
/// nothing for other programs.
void warm_up_go(Symbols& symbols);

}  // namespace clew
