#pragma once

#include <set>

#include "live/memory_port.h"

namespace clew::live {

/// Room for whatever code clew puts there, and a multiple of its alignment.
constexpr size_t code_padding_size = 160;

/// Finds bytes that can be executed and belong to nothing: what is left of a page behind the code
/// of a mapped ELF file. @return the address of code_padding_size
/// bytes, none of which begins at a `taken` one; not_found.
Result<Addr> find_code_padding(MemoryPort& memory, const std::set<uint64_t>& taken);

}  // namespace clew::live
