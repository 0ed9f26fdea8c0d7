#pragma once

#include <optional>
#include <vector>

#include "base/memory_reader.h"
#include "os/mappings.h"
#include "sym/module_map.h"

namespace clew::stack {

/// The code of a process: which addresses are code, its bytes, and where functions begin.
class CodeView {
 public:
  /// `code` are the executable mappings by address, those of no file included (a JIT's).
  CodeView(sym::ModuleMap modules, std::vector<os::Mapping> code)
      : modules_(std::move(modules)), code_(std::move(code)) {}

  const sym::ModuleMap& modules() const { return modules_; }
  bool is_code(uint64_t address) const;

  /// Up to `size` bytes from `address` on: of the file that is mapped there, else of memory.
  /// `storage` keeps them when they had to be copied. Fewer where the code ends.
  Bytes bytes(uint64_t address, size_t size, MemoryReader& memory,
              std::vector<std::byte>& storage) const;

  /// Where the function that covers an address begins, by the symbols. @return nullopt when none is
  /// known.
  std::optional<uint64_t> entry_of(uint64_t address) const;

 private:
  sym::ModuleMap modules_;
  std::vector<os::Mapping> code_;
};

}  // namespace clew::stack
