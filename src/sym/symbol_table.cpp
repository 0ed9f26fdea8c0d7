#include "sym/symbol_table.h"

#include <algorithm>
#include <compare>
#include <tuple>

namespace clew::sym {
namespace {

bool is_code(const Symbol& symbol) {
  return symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC || symbol.type == STT_NOTYPE;
}

bool is_data(const Symbol& symbol) { return symbol.type == STT_OBJECT; }

/// Smaller is better.
auto preference(const Symbol& symbol) {
  const int binding = symbol.binding == STB_GLOBAL ? 0 : symbol.binding == STB_WEAK ? 1 : 2;
  return std::tuple(symbol.type == STT_NOTYPE, symbol.size == 0, binding, symbol.name.size(),
                    symbol.name);
}

/// How many symbols before an address are looked at: large ones can lie around small ones, but a
/// search never becomes a walk.
constexpr int look_back = 64;

}  // namespace

SymbolTable::SymbolTable(const ElfImage& image, uint64_t bias) {
  const ElfImage::Section* table = image.find_section(".symtab");
  if (table == nullptr || table->type != SHT_SYMTAB) table = image.find_section(".dynsym");
  for (const ElfImage::Section& section : image.sections()) {
    if ((section.flags & SHF_ALLOC) != 0)
      sections_.push_back({section.address + bias, section.address + bias + section.size});
  }
  if (table == nullptr || table->type == SHT_NOBITS) return;
  Elf_Data* const data = elf_getdata(elf_getscn(image.elf(), table->index), nullptr);
  if (data == nullptr) return;
  const size_t count = data->d_size / sizeof(Elf64_Sym);
  symbols_.reserve(count);
  for (size_t i = 1; i < count; ++i) {
    GElf_Sym s;
    if (gelf_getsym(data, static_cast<int>(i), &s) == nullptr) break;
    const auto type = static_cast<uint8_t>(GELF_ST_TYPE(s.st_info));
    if (s.st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE) continue;
    if (s.st_shndx == SHN_ABS && type != STT_FUNC && type != STT_OBJECT) continue;
    const char* const name = elf_strptr(image.elf(), table->link, s.st_name);
    if (name == nullptr || *name == '\0') continue;
    symbols_.push_back(
        {s.st_value + bias, s.st_size, name, type, static_cast<uint8_t>(GELF_ST_BIND(s.st_info))});
  }
  sort();
}

void SymbolTable::sort() {
  // Keys of 16 bytes are moved about instead of symbols of 40, and the number makes it stable.
  struct Key {
    uint64_t address;
    size_t number;
    auto operator<=>(const Key&) const = default;
  };
  std::vector<Key> keys(symbols_.size());
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = {symbols_[i].address, i};
  std::sort(keys.begin(), keys.end());
  std::vector<Symbol> sorted;
  sorted.reserve(symbols_.size());
  for (const Key& key : keys) sorted.push_back(symbols_[key.number]);
  symbols_ = std::move(sorted);
}

void SymbolTable::merge(const SymbolTable& other) {
  symbols_.insert(symbols_.end(), other.symbols_.begin(), other.symbols_.end());
  sections_.insert(sections_.end(), other.sections_.begin(), other.sections_.end());
  sort();
}

const Symbol* SymbolTable::find(uint64_t address, bool code) const {
  auto after = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                                [](uint64_t a, const Symbol& s) { return a < s.address; });
  const Symbol* best = nullptr;
  const Symbol* nearest = nullptr;  // without a size: covers up to whatever comes next
  int looked_at = 0;
  for (auto i = after; i != symbols_.begin() && looked_at < look_back;) {
    const Symbol& symbol = *--i;
    if (!(code ? is_code(symbol) : is_data(symbol))) continue;
    ++looked_at;
    if (best != nullptr && symbol.address != best->address) break;
    if (symbol.size == 0) {
      if (nearest == nullptr ||
          (nearest->address == symbol.address && preference(symbol) < preference(*nearest)))
        nearest = &symbol;
    } else if (address - symbol.address < symbol.size &&
               (best == nullptr || preference(symbol) < preference(*best))) {
      best = &symbol;
    }
  }
  if (best != nullptr || nearest == nullptr || !code) return best;
  const bool same_section = std::any_of(sections_.begin(), sections_.end(), [&](const Range& r) {
    return r.start <= nearest->address && address < r.end;
  });
  return same_section ? nearest : nullptr;
}

const Symbol* SymbolTable::find_code(uint64_t address) const { return find(address, true); }

const Symbol* SymbolTable::find_data(uint64_t address) const { return find(address, false); }

std::vector<const Symbol*> SymbolTable::find(std::string_view name) const {
  std::vector<const Symbol*> found;
  for (const Symbol& symbol : symbols_) {
    if (symbol.name == name) found.push_back(&symbol);
  }
  return found;
}

}  // namespace clew::sym
