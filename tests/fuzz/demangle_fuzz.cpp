// Mangled names.

#include <cstdint>

#include "sym/demangle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  clew::sym::demangle(name);
  clew::sym::demangle_plain(name);
  return 0;
}
