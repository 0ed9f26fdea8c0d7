#pragma once

#include <string>
#include <vector>

#include "session/register_access.h"
#include "view/style.h"

namespace clew {

/// One register as the table of registers shows it: hexadecimal, and what a person makes of it
/// (signed decimal, the names of the flags that are set, a floating-point number).
std::string render_registers(const std::vector<RegisterValue>& values, const Style& style);

/// @return "0x…" with all bytes, the most significant first.
std::string hex_bytes(Bytes bytes);

}  // namespace clew
