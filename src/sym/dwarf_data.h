#pragma once

#include <elfutils/libdw.h>

#include <string_view>

#include "base/bytes.h"

namespace clew::sym {

/// The bytes of a section of the file that `dwarf` reads, as libdw has them (decompressed), a view
/// that lives as long as `dwarf`. `name` without its ending: ".debug_line" finds ".debug_line.dwo"
/// as well. Empty when there is none.
Bytes dwarf_section(Dwarf* dwarf, std::string_view name);

/// The bytes from `address` to the end of the section that it lies in, empty when it lies in none.
Bytes dwarf_section_from(Dwarf* dwarf, const std::byte* address);

}  // namespace clew::sym
