// ELF files: headers, sections, symbols, unwind tables, links to debug files, what is packed in
// them.

#include <cstdint>

#include "sym/debug_link.h"
#include "sym/mini_debug.h"
#include "sym/module.h"
#include "sym/unwind_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::sym;
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  auto image = ElfImage::from_memory({bytes, bytes + size}, "fuzz");
  if (!image) return 0;
  debug_link_of(**image);
  alternate_link_of(**image);
  mini_debug_image(**image);
  std::vector<std::string> problems;
  (*image)->decompressed_copy(problems);
  const auto module = Module::create(std::move(*image), "fuzz", nullptr);
  for (const uint64_t address : {uint64_t{0}, module->image().entry(), UINT64_MAX}) {
    module->symbols().find_code(address);
    module->symbols().find_data(address);
  }
  const auto lock = module->lock();
  module->dwarf();
  for (uint64_t i = 0; i < 64; ++i) {
    const uint64_t address = module->image().entry() + i;
    if (module->eh_frame().find(address)) continue;
    (void)module->debug_frame().find(address);
  }
  return 0;
}
