// Functions and lines of a whole file.

#include <algorithm>
#include <cstdint>

#include "../unit/damaged_elf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(data);
  clew::sym::read_everything({bytes, bytes + size});
  return 0;
}
