// libFuzzer: the scanner of .debug_info, and what looks names up in its index.

#include <cstdint>

#include "sections_input.h"
#include "sym/inlined_copies.h"
#include "sym/name_index.h"
#include "sym/name_query.h"

using namespace clew;
using namespace clew::sym;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const std::string query_text = input.text();
  DwarfSections::InMemory view;
  view.abbrev = input.part();
  view.str = input.part();
  view.str_offsets = input.part();
  view.types = input.part();
  view.info = input.rest();
  const DwarfSections sections(view);
  const auto units = read_dwarf_units(sections);
  WorkControl control;
  const auto index = NameIndex::scan(sections, units, units, {}, 1, control);
  if (!index) return 0;
  InlinedOrigins origins;
  for (const NameRecord& name : index->names()) {
    full_name(sections, *index, name);
    if (name.kind() == NameKind::inlined_function) origins.here.insert(name.die());
  }
  find_inlined_copies(sections, units, origins, 1000);
  if (const auto query = NameQuery::parse(query_text)) {
    query->find(sections, *index, function_kinds);
    query->matches(query_text);
  }
  return 0;
}
