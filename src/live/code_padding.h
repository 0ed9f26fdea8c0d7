#pragma once

#include <set>

#include "live/memory_port.h"

namespace clew::live {

/// Finds bytes that can be executed and belong to nothing: what is left of a page behind the code
/// of a mapped ELF file. @return the address of `size` bytes, outside the `taken` ones; not_found.
Result<Addr> find_code_padding(MemoryPort& memory, size_t size, const std::set<uint64_t>& taken);

}  // namespace clew::live
