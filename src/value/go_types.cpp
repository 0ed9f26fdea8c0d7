#include "value/go_types.h"

#include <dwarf.h>
#include <fmt/format.h>

#include <array>

#include "sym/static_address.h"
#include "value/dwarf_read.h"
#include "value/types.h"
#include "value/value.h"

namespace clew::value {
namespace {

/// Of a unit of Go, beside the attributes that dwarf_read.h has.
constexpr unsigned at_go_package_name = 0x2905;

constexpr std::string_view runtime_package = "runtime";
constexpr std::string_view module_data_name = "runtime.firstmoduledata";

/// Plugins of one program: more than anyone loads.
constexpr size_t most_modules = 1000;

/// Calls `visit` with each unit of Go.
template <typename Visit>
void for_each_unit(Dwarf* dwarf, Visit&& visit) {
  Dwarf_CU* unit = nullptr;
  Dwarf_CU* next = nullptr;
  Dwarf_Die die;
  while (dwarf != nullptr &&
         dwarf_get_units(dwarf, unit, &next, nullptr, nullptr, &die, nullptr) == 0) {
    unit = next;
    if (is_go(dwarf_srclang(&die))) visit(die);
  }
}

bool is_type(int tag) {
  switch (tag) {
    case DW_TAG_base_type:
    case DW_TAG_structure_type:
    case DW_TAG_typedef:
    case DW_TAG_pointer_type:
    case DW_TAG_array_type:
    case DW_TAG_subroutine_type:
      return true;
    default:
      return false;
  }
}

/// DW_AT_go_runtime_type has the form of an address, but is the distance from the first descriptor
/// on (cmd/link: DW_CLS_GO_TYPEREF); 0 where the runtime has no descriptor.
std::optional<uint64_t> descriptor_offset(const Dwarf_Die& die) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  Dwarf_Addr offset = 0;
  if (dwarf_attr(&entry, at_go_runtime_type, &attribute) == nullptr ||
      dwarf_formaddr(&attribute, &offset) != 0 || offset == 0) {
    return std::nullopt;
  }
  return offset;
}

/// A member of runtime.moduledata that is one word.
Result<uint64_t> word_of(const Value& data, std::string_view name) {
  const auto member = data.member(name);
  return member ? member->as_unsigned() : tl::unexpected(member.error());
}

}  // namespace

std::unique_ptr<GoTypes::Known> GoTypes::read(const std::shared_ptr<const sym::Module>& module) {
  const auto lock = module->lock();
  auto known = std::make_unique<Known>();
  known->module = module;
  // Package runtime has two: one for its code, and one that all types are put into.
  std::vector<Dwarf_Die> units;
  for_each_unit(module->dwarf(), [&](const Dwarf_Die& unit) {
    const std::string_view path = sym::string_attribute(unit, DW_AT_name);
    if (path == runtime_package) units.push_back(unit);
    const std::string_view name = sym::string_attribute(unit, at_go_package_name);
    if (!name.empty() && path.substr(path.rfind('/') + 1) != name)
      known->paths[name].push_back(path);
  });
  if (units.empty()) return nullptr;
  const auto take = [&](const Dwarf_Die& child) {
    const int tag = tag_of(child);
    if (tag == DW_TAG_variable && !known->module_data &&
        sym::string_attribute(child, DW_AT_name) == module_data_name) {
      known->module_data = child;
    }
    if (!is_type(tag)) return true;
    Dwarf_Die entry = child;
    const Dwarf_Off offset = dwarf_dieoffset(&entry);
    if (const auto descriptor = descriptor_offset(child))
      known->by_descriptor.try_emplace(*descriptor, offset);
    const std::string_view name = sym::string_attribute(child, DW_AT_name);
    if (!name.empty()) known->by_name.try_emplace(name, offset);
    return true;
  };
  for (const Dwarf_Die& unit : units) for_each_child(unit, take, SIZE_MAX);
  return known;
}

const GoTypes::Known* GoTypes::known(const std::shared_ptr<const sym::Module>& module) {
  const auto [place, is_new] = modules_.try_emplace(module.get());
  if (is_new) place->second = read(module);
  return place->second.get();
}

void GoTypes::read_ranges(Target& target) {
  ranges_.clear();
  for (const sym::LoadedModule& loaded : target.modules().modules()) {
    const Known* const first = known(loaded.module);
    if (first != nullptr && first->module_data) read_ranges(target, loaded, *first);
  }
}

/// Follows the runtime's list of modules from its first one on.
void GoTypes::read_ranges(Target& target, const sym::LoadedModule& loaded, const Known& first) {
  std::optional<uint64_t> address;
  const Type* type = nullptr;
  {
    const auto lock = loaded.module->lock();
    address = sym::static_address(*loaded.module, *first.module_data);
    type = target.types().type_of(loaded.module, *first.module_data);
  }
  if (!address) return;
  Value data = Value::in_memory(target, type, loaded.to_runtime(*address));
  for (size_t i = 0; i < most_modules; ++i) {
    const auto start = word_of(data, "types");
    const auto end = word_of(data, "etypes");
    const auto text = word_of(data, "text");
    const auto next = data.member("next");
    if (!start || !end || !text || !next) return;
    const sym::LoadedModule* const owner = target.modules().find(Addr{*text});
    const Known* const own = owner == nullptr ? nullptr : known(owner->module);
    if (own != nullptr) ranges_.push_back({Addr{*start}, Addr{*end}, own});
    const auto following = next->as_unsigned();
    if (!following || *following == 0) return;
    data = Value::in_memory(target, type, Addr{*following});
  }
}

const GoTypes::Range* GoTypes::range_of(Addr descriptor) const {
  for (const Range& range : ranges_) {
    if (descriptor >= range.start && descriptor < range.end) return &range;
  }
  return nullptr;
}

const Type* GoTypes::type_at(Target& target, const Known& known, Dwarf_Off offset) {
  const auto lock = known.module->lock();
  Dwarf_Die die;
  if (dwarf_offdie(known.module->dwarf(), offset, &die) == nullptr) return nullptr;
  return target.types().of(known.module, die);
}

Result<const Type*> GoTypes::at(Target& target, Addr descriptor) {
  const Range* range = range_of(descriptor);
  if (range == nullptr) {
    // A plugin may have come.
    read_ranges(target);
    range = range_of(descriptor);
  }
  if (range != nullptr) {
    const auto found = range->known->by_descriptor.find(descriptor - range->start);
    if (found != range->known->by_descriptor.end()) {
      if (const Type* const type = type_at(target, *range->known, found->second)) return type;
    }
  }
  return fail(
      ErrorCode::not_found,
      fmt::format("the debug information has no type with the descriptor {:#x}", descriptor.value));
}

Result<GoTypes::Described> GoTypes::describe(Target& target, Addr descriptor) {
  const Range* const range = range_of(descriptor);
  const Type* type = find(target, "internal/abi.Type");
  if (type == nullptr) type = find(target, "runtime._type");
  if (range == nullptr || type == nullptr)
    return fail(ErrorCode::not_found, "it is no type of the program");
  const Value value = Value::in_memory(target, type, descriptor);
  const auto field = [&](std::string_view name, std::string_view older) {
    return word_of(value, value.has_member(name) ? name : older);
  };
  const auto name = field("Str", "str");
  const auto kind = field("Kind_", "kind");
  const auto flags = field("TFlag", "tflag");
  for (const auto* const one : {&name, &kind, &flags})
    if (!*one) return tl::unexpected(one->error());
  // A byte of flags, the length in base 128, and the name (internal/abi.Name).
  const Addr at = range->start + static_cast<uint32_t>(*name);
  constexpr size_t longest = 512;
  std::array<uint8_t, 3 + longest> bytes{};
  const auto read = target.memory().read_memory(at, std::as_writable_bytes(std::span(bytes)));
  const size_t known = read ? *read : 0;
  const bool is_long = (bytes[1] & 0x80) != 0;
  const size_t start = is_long ? 3 : 2;
  const size_t length = is_long ? (bytes[1] & 0x7fU) | bytes[2] << 7U : bytes[1];
  if (known < start + length || length > longest)
    return fail(ErrorCode::bad_data, "the name of its type makes no sense");
  Described described;
  described.name.assign(reinterpret_cast<const char*>(bytes.data()) + start, length);
  // The name of a pointer to it serves for both.
  constexpr uint64_t has_extra_star = 2;
  if ((*flags & has_extra_star) != 0 && described.name.starts_with('*')) described.name.erase(0, 1);
  constexpr std::string_view basic[] = {"",          "bool",      "int",     "int8",    "int16",
                                        "int32",     "int64",     "uint",    "uint8",   "uint16",
                                        "uint32",    "uint64",    "uintptr", "float32", "float64",
                                        "complex64", "complex128"};
  const uint64_t number = *kind & 0x1f;
  if (number == static_cast<uint64_t>(GoKind::string)) {
    described.basic = find(target, "string");
  } else if (number != 0 && number < std::size(basic)) {
    described.basic = find(target, basic[number]);
  }
  return described;
}

const Type* GoTypes::find(Target& target, std::string_view name) {
  for (const sym::LoadedModule& loaded : target.modules().modules()) {
    const Known* const own = known(loaded.module);
    if (own == nullptr) continue;
    const auto found = own->by_name.find(name);
    if (found != own->by_name.end()) return type_at(target, *own, found->second);
  }
  return nullptr;
}

const Type* GoTypes::find_short(Target& target, std::string_view name) {
  for (const sym::LoadedModule& loaded : target.modules().modules()) {
    const Known* const own = known(loaded.module);
    if (own == nullptr) continue;
    for (const auto& [full, offset] : own->by_name) {
      const bool fits = full.size() > name.size() && full.ends_with(name) &&
                        full[full.size() - name.size() - 1] == '/' &&
                        full.find_first_of("*[] ") == full.npos;
      if (fits) return type_at(target, *own, offset);
    }
  }
  return nullptr;
}

const Type* GoTypes::find_by_package(Target& target, std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == name.npos) return nullptr;
  for (const sym::LoadedModule& loaded : target.modules().modules()) {
    const Known* const own = known(loaded.module);
    if (own == nullptr) continue;
    const auto paths = own->paths.find(name.substr(0, dot));
    if (paths == own->paths.end()) continue;
    for (const std::string_view path : paths->second) {
      // The linker writes a dot in the last part of a path as %2e (cmd/internal/objabi).
      std::string full(path);
      for (size_t at = full.find('.', full.rfind('/') + 1); at != full.npos;
           at = full.find('.', at))
        full.replace(at, 1, "%2e");
      for (const std::string& written : {std::string(path), full}) {
        const auto found = own->by_name.find(written + std::string(name.substr(dot)));
        if (found != own->by_name.end()) return type_at(target, *own, found->second);
      }
    }
  }
  return nullptr;
}

bool GoTypes::is_go_program(Target& target) {
  // The program is mapped below its libraries.
  const auto& all = target.modules().modules();
  return !all.empty() && known(all.front().module) != nullptr;
}

}  // namespace clew::value
