// Packages of split units, and the units made whole.

#include <cstdint>

#include "sym/dwarf_package.h"
#include "sym/split_patch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clew::sym;
  const clew::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  std::vector<std::byte> info;
  std::vector<std::byte> abbrev;
  make_whole_unit({bytes.first(size / 2), bytes.subspan(size / 2), 0}, 3, info, abbrev);
  addresses_of_unit(bytes, 8);
  addresses_of_unit(bytes, size / 2);
  add_to_ranges(bytes, 0x1000);
  auto image = ElfImage::from_memory({bytes.begin(), bytes.end()}, "fuzz");
  if (!image) return 0;
  const auto package = DwarfPackage::read(**image);
  if (!package) return 0;
  for (uint64_t id = 0; id < 16; ++id) {
    const auto sections = package->find(id * 0x9e3779b97f4a7c15);
    if (sections) make_whole_unit({sections->info, sections->abbrev, id}, 3, info, abbrev);
  }
  return 0;
}
