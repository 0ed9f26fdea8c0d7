#include "value/dwarf_read.h"

#include <dwarf.h>

namespace clew::value {

std::optional<int64_t> constant_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  if (dwarf_attr(&entry, name, &attribute) == nullptr) return std::nullopt;
  const unsigned form = dwarf_whatform(&attribute);
  if (form == DW_FORM_sdata || form == DW_FORM_implicit_const) {
    Dwarf_Sword value = 0;
    if (dwarf_formsdata(&attribute, &value) != 0) return std::nullopt;
    return value;
  }
  Dwarf_Word value = 0;
  if (dwarf_formudata(&attribute, &value) != 0) return std::nullopt;
  return static_cast<int64_t>(value);
}

bool flag_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Attribute attribute;
  bool value = false;
  return dwarf_attr(&entry, name, &attribute) != nullptr &&
         dwarf_formflag(&attribute, &value) == 0 && value;
}

bool has_attribute(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  return dwarf_hasattr(&entry, name) != 0;
}

std::optional<Dwarf_Attribute> attribute_of(const Dwarf_Die& die, unsigned name) {
  Dwarf_Die entry = die;
  Dwarf_Die next;
  for (int i = 0; i < sym::most_origin_steps; ++i) {
    Dwarf_Attribute attribute;
    if (dwarf_attr(&entry, name, &attribute) != nullptr) return attribute;
    if (!sym::step_to_origin(entry, next)) break;
    entry = next;
  }
  return std::nullopt;
}

std::string name_of(const Dwarf_Die& die) {
  auto attribute = attribute_of(die, DW_AT_name);
  const char* const text = attribute ? dwarf_formstring(&*attribute) : nullptr;
  return text == nullptr ? std::string() : std::string(text);
}

int language_of(const Dwarf_Die& die) {
  Dwarf_Die unit;
  if (die.cu == nullptr || dwarf_cu_die(die.cu, &unit, nullptr, nullptr, nullptr, nullptr, nullptr,
                                        nullptr) == nullptr) {
    return 0;
  }
  const int language = dwarf_srclang(&unit);
  return language < 0 ? 0 : language;
}

bool is_cpp(int language) {
  switch (language) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case lang_cpp17:
    case lang_cpp20:
      return true;
    default:
      return false;
  }
}

bool is_c(int language) {
  switch (language) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2d:  // DW_LANG_C17
      return true;
    default:
      return false;
  }
}

bool is_rust(int language) { return language == DW_LANG_Rust; }

bool is_go(int language) { return language == DW_LANG_Go; }

}  // namespace clew::value
