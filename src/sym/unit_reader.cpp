#include "sym/unit_reader.h"

#include "sym/dwarf_data.h"

namespace clew::sym {

UnitReader::UnitReader(const Dwarf_Die& unit, std::shared_ptr<const UnitShapes> shapes)
    : unit_(unit), shapes_(std::move(shapes)) {
  Dwarf_Die first;
  if (shapes_ == nullptr || dwarf_cu_die(unit.cu, &first, nullptr, nullptr, nullptr, nullptr,
                                         nullptr, nullptr) == nullptr) {
    return;
  }
  begin_ = static_cast<const std::byte*>(first.addr);
  const uint64_t header_size = dwarf_cuoffset(&first);
  // The length stands at the front of the header, and may claim too much.
  const Bytes header = dwarf_section_from(dwarf_cu_getdwarf(unit.cu), begin_ - header_size);
  DwarfCursor cursor(header);
  unsigned offset_size = 4;
  const uint64_t length = cursor.initial_length(offset_size);
  const uint64_t before = header.size() - cursor.left();
  if (!cursor.ok() || length > cursor.left() || before + length < header_size) return;
  end_ = header.data() + before + length;
}

Dwarf_Die UnitReader::entry(const std::byte* address) const {
  // The same as libdw makes of an offset: what is left out it fills in when it is first needed.
  Dwarf_Die die{};
  die.addr = const_cast<std::byte*>(address);
  die.cu = unit_.cu;
  return die;
}

}  // namespace clew::sym
