#include "sym/range_reader.h"

#include "sym/dwarf_data.h"

namespace clew::sym {

void RangeReader::allow(Dwarf* dwarf) {
  for (const char* section : {".debug_info", ".debug_ranges", ".debug_rnglists"})
    left_ += dwarf_section(dwarf, section).size();
}

}  // namespace clew::sym
