#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sym/code.h"
#include "sym/module.h"

namespace clew::sym {

/// Asks all that there is to ask about a program whose bytes may be anything. Nothing is expected
/// of the answers but that they come. @return how many functions and lines were found.
inline size_t read_everything(std::vector<std::byte> bytes) {
  auto image = ElfImage::from_memory(std::move(bytes), "damaged");
  if (!image) return 0;
  const auto module = Module::create(std::move(*image), "/damaged", nullptr);
  std::vector<uint64_t> addresses = {0, 1, UINT64_MAX, module->image().entry()};
  for (const ElfImage::Section& section : module->image().sections()) {
    if ((section.flags & SHF_EXECINSTR) == 0) continue;
    const uint64_t size = std::min<uint64_t>(section.size, 512);
    for (uint64_t i = 0; i < size; i += 7) addresses.push_back(section.address + i);
  }
  size_t found = 0;
  for (const uint64_t address : addresses) {
    for (const FunctionAt& function : functions_at(*module, address)) {
      ++found;
      if (function.die.addr != nullptr && declared_at(*module, function.die)) ++found;
      if (after_prologue(*module, function.entry) != 0) ++found;
    }
    if (line_range_at(*module, address)) ++found;
    Dwarf_Die unit;
    if (unit_at(*module, address, unit)) ++found;
  }
  for (unsigned line = 0; line < 60; line += 5)
    found += code_of_line(*module, "tiny.c", line).ranges.size();
  found += module->symbols().by_address().size();
  found += module->problems().size();
  return found;
}

/// Changes some bytes: more often single bits and bytes than many, and half of the time where debug
/// information is.
class Damage {
 public:
  explicit Damage(unsigned seed) : random_(seed) {}

  std::vector<std::byte> apply(const std::vector<std::byte>& whole, size_t debug_start) {
    std::vector<std::byte> bytes = whole;
    const size_t count = 1 + random_() % 4;
    for (size_t i = 0; i < count; ++i) {
      const bool in_debug = random_() % 2 == 0 && debug_start < bytes.size();
      const size_t start = in_debug ? debug_start : 0;
      std::byte& byte = bytes[start + random_() % (bytes.size() - start)];
      switch (random_() % 4) {
        case 0:
          byte ^= static_cast<std::byte>(1U << random_() % 8);
          break;
        case 1:
          byte = std::byte{0xff};
          break;
        case 2:
          byte = std::byte{0};
          break;
        default:
          byte = static_cast<std::byte>(random_());
      }
    }
    if (random_() % 16 == 0) bytes.resize(random_() % bytes.size());
    return bytes;
  }

 private:
  std::minstd_rand random_;
};

}  // namespace clew::sym
