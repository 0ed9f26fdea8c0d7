#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sym/elf_image.h"

namespace clew::sym {

/// One ELF symbol with an address; the name is a view into the file's string table.
struct Symbol {
  uint64_t address = 0;  ///< in the module's own address space
  uint64_t size = 0;     ///< 0 when the file does not say
  std::string_view name;
  uint8_t type = 0;     ///< STT_FUNC, STT_OBJECT, STT_TLS, …
  uint8_t binding = 0;  ///< STB_GLOBAL, …
};

/// The symbols of one ELF image (.symtab, or .dynsym when there is no other), by address.
class SymbolTable {
 public:
  SymbolTable() = default;
  /// Views into `image`, which must live as long. `bias` is added to every address.
  explicit SymbolTable(const ElfImage& image, uint64_t bias = 0);

  /// Takes the symbols of another table in.
  void merge(const SymbolTable& other);

  bool empty() const { return symbols_.empty(); }
  const std::vector<Symbol>& by_address() const { return symbols_; }

  /// The function that covers an address; where several do, the one with the best name (global
  /// before weak before local, sized before not). A symbol without a size covers up to the next one
  /// or the end of its section.
  const Symbol* find_code(uint64_t address) const;
  /// The same for objects in memory.
  const Symbol* find_data(uint64_t address) const;
  /// Every symbol of that name.
  std::vector<const Symbol*> find(std::string_view name) const;

 private:
  void sort();
  const Symbol* find(uint64_t address, bool code) const;

  struct Range {
    uint64_t start = 0, end = 0;
  };
  std::vector<Symbol> symbols_;
  std::vector<Range> sections_;  ///< of what is loaded, for symbols without a size
};

}  // namespace clew::sym
