#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_reader.h"
#include "sym/go_table.h"

namespace clew::go {

/// The types that a program describes to itself (runtime._type): what the collector and reflection
/// need, in stripped files too. Structures have the names and the offsets of their fields there.
class RuntimeTypes {
 public:
  struct Field {
    std::string_view name;
    uint64_t type = 0;    ///< of its description
    uint64_t offset = 0;  ///< in bytes
  };

  /// Where a description says what its type is (reflect.Kind in the lower five bits), as package
  /// reflect has fixed it since Go 1.17 for everybody who makes types.
  static constexpr uint64_t kind_at = 23;

  /// Copies the descriptions; they must have one of runtime.g. `bias` is added to the addresses of
  /// `module`. @return nullopt when they are not found or cannot be read.
  static std::optional<RuntimeTypes> read(const sym::GoTable::ModuleData& module, uint64_t bias,
                                          MemoryReader& memory);

  /// The structure of that name ("runtime.g"): the address of its description; 0 when there is
  /// none.
  uint64_t find_structure(std::string_view name) const;
  /// Empty for what is no structure.
  std::vector<Field> fields(uint64_t type) const;
  uint64_t size(uint64_t type) const { return word(type); }
  /// Of a pointer or a slice; 0 for others.
  uint64_t element(uint64_t type) const;
  bool is_slice(uint64_t type) const;

 private:
  RuntimeTypes() = default;
  bool has(uint64_t address, uint64_t size) const;
  uint64_t word(uint64_t address) const;
  uint8_t byte(uint64_t address) const;
  unsigned kind(uint64_t type) const;
  std::string_view name_at(uint64_t address) const;

  uint64_t start_ = 0;
  std::vector<std::byte> bytes_;
};

}  // namespace clew::go
