#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "view/style.h"

namespace clew {

/// The FMT of `x/FMT`: how many units, how each is shown, how large it is.
struct MemoryFormat {
  uint64_t count = 1;
  char letter = 'x';  ///< x d u o t a c f, s for strings and i for instructions
  unsigned size = 8;  ///< bytes of a unit: 1, 2, 4 or 8
};

/// Reads a FMT such as "4xg" or "s"; what it does not say is taken from `defaults`, which is what
/// the last one said.
/// @return bad_request, with the letters that there are.
Result<MemoryFormat> parse_memory_format(std::string_view text, const MemoryFormat& defaults);

/// @return the number of bytes that a dump of this format reads, strings and instructions excepted.
uint64_t dump_size(const MemoryFormat& format);

/// Lines of memory from `address` on; `bytes` are a whole number of units.
std::string render_memory(Addr address, Bytes bytes, const MemoryFormat& format,
                          const Style& style);

}  // namespace clew
