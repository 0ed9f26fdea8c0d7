#include "lang/go/runtime_types.h"

#include <algorithm>
#include <cstring>

namespace clew::go {
namespace {

constexpr uint64_t most_constants = 256 << 20;
// Of runtime._type, like RuntimeTypes::kind_at.
constexpr uint64_t type_flags_at = 20, name_at_offset = 40, type_size = 48;
constexpr uint8_t has_star = 2;  ///< its name is that of the pointer to it, without the star
constexpr unsigned kind_mask = 31, pointer_kind = 22, slice_kind = 23, structure_kind = 25;
constexpr uint64_t field_size = 24;
constexpr uint64_t most_fields = 4096;

}  // namespace

std::optional<RuntimeTypes> RuntimeTypes::read(const sym::GoTable::ModuleData& module,
                                               uint64_t bias, MemoryReader& memory) {
  for (const sym::GoTable::Stretch& stretch : module.constants) {
    if (stretch.end - stretch.start > most_constants) continue;
    RuntimeTypes types;
    types.start_ = stretch.start + bias;
    types.bytes_.resize(stretch.end - stretch.start);
    if (memory.read_exactly({types.start_}, types.bytes_) && types.find_structure("runtime.g") != 0)
      return types;
  }
  return std::nullopt;
}

bool RuntimeTypes::has(uint64_t address, uint64_t size) const {
  return address >= start_ && address - start_ <= bytes_.size() &&
         bytes_.size() - (address - start_) >= size;
}

uint64_t RuntimeTypes::word(uint64_t address) const {
  uint64_t value = 0;
  if (has(address, sizeof value))
    std::memcpy(&value, bytes_.data() + (address - start_), sizeof value);
  return value;
}

uint8_t RuntimeTypes::byte(uint64_t address) const {
  return has(address, 1) ? std::to_integer<uint8_t>(bytes_[address - start_]) : 0;
}

unsigned RuntimeTypes::kind(uint64_t type) const { return byte(type + kind_at) & kind_mask; }

/// A byte of flags, the length in groups of seven bits, the text.
std::string_view RuntimeTypes::name_at(uint64_t address) const {
  uint64_t length = 0;
  uint64_t at = address + 1;
  for (unsigned shift = 0; shift <= 14; shift += 7) {
    const uint8_t part = byte(at++);
    length |= uint64_t{part & 0x7fu} << shift;
    if ((part & 0x80) == 0) break;
  }
  if (length == 0 || !has(at, length)) return {};
  return {reinterpret_cast<const char*>(bytes_.data() + (at - start_)), length};
}

uint64_t RuntimeTypes::find_structure(std::string_view name) const {
  const std::string with_star = "*" + std::string(name);
  const std::string_view all(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
  for (size_t found = all.find(with_star); found != all.npos;
       found = all.find(with_star, found + 1)) {
    // Names of that length have theirs in one byte.
    if (found < 2 || name_at(start_ + found - 2) != with_star) continue;
    const auto offset = static_cast<uint32_t>(found - 2);
    for (size_t at = (-start_) % word_size; at + type_size <= bytes_.size(); at += word_size) {
      uint32_t named = 0;
      std::memcpy(&named, bytes_.data() + at + name_at_offset, sizeof named);
      if (named != offset) continue;
      const uint64_t type = start_ + at;
      const bool is_it =
          (byte(type + type_flags_at) & has_star) != 0 && kind(type) == structure_kind;
      if (is_it && !fields(type).empty()) return type;
    }
  }
  return 0;
}

std::vector<RuntimeTypes::Field> RuntimeTypes::fields(uint64_t type) const {
  std::vector<Field> fields;
  if (kind(type) != structure_kind) return fields;
  const uint64_t list = word(type + type_size + word_size);
  const uint64_t count = word(type + type_size + 2 * word_size);
  if (count > most_fields || !has(list, count * field_size)) return fields;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = list + i * field_size;
    fields.push_back({name_at(word(at)), word(at + word_size), word(at + 2 * word_size)});
  }
  // Until Go 1.18 the lowest bit said whether a field is embedded. No field begins at the end of
  // its structure: Go pads behind one without a size.
  const uint64_t size_of_it = size(type);
  if (!fields.empty() && fields.back().offset >= size_of_it) {
    for (Field& field : fields) field.offset >>= 1;
  }
  return fields;
}

uint64_t RuntimeTypes::element(uint64_t type) const {
  const unsigned own = kind(type);
  return own == pointer_kind || own == slice_kind ? word(type + type_size) : 0;
}

bool RuntimeTypes::is_slice(uint64_t type) const { return kind(type) == slice_kind; }

}  // namespace clew::go
