// Line number programs: the first half of the input is .debug_line, the other both string sections.

#include <cstdint>

#include "sym/line_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::sym;
  const clew::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const LineSections sections{bytes.first(size / 2), bytes.subspan(size / 2),
                              bytes.subspan(size / 2)};
  // Without an image every address is code.
  const LineTable table(sections, 0, "/build", CodeRanges::everything());
  for (size_t i = 0; i < table.rows().size(); ++i) {
    table.end_of(i);
    table.path(table.rows()[i].file);
  }
  for (const uint64_t address : {uint64_t{0}, uint64_t{0x1000}, UINT64_MAX}) table.find(address);
  table.header().names_file("a.c");
  return 0;
}
