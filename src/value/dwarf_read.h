#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>

#include "sym/dwarf_attribute.h"

namespace clew::value {

/// A constant attribute of the entry itself. Compilers write what is signed as DW_FORM_sdata or
/// DW_FORM_implicit_const, and what is not in the data forms, which are widened with zeros.
std::optional<int64_t> constant_attribute(const Dwarf_Die& die, unsigned name);

/// True for a DW_FORM_flag… that is set.
bool flag_attribute(const Dwarf_Die& die, unsigned name);

bool has_attribute(const Dwarf_Die& die, unsigned name);

/// The attribute, of the entry itself or of what it is a copy or definition of.
std::optional<Dwarf_Attribute> attribute_of(const Dwarf_Die& die, unsigned name);

/// DW_AT_name of the entry or of what it is a copy or definition of; empty when it has none.
std::string name_of(const Dwarf_Die& die);

/// Calls `visit(child)` for each child, until it returns false; bounded by `most`.
template <typename Visit>
void for_each_child(const Dwarf_Die& die, Visit&& visit, size_t most = size_t{1} << 20) {
  Dwarf_Die parent = die;
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  for (size_t i = 0; i < most; ++i) {
    if (!visit(child)) return;
    Dwarf_Die next;
    if (dwarf_siblingof(&child, &next) != 0) return;
    child = next;
  }
}

inline int tag_of(const Dwarf_Die& die) {
  Dwarf_Die entry = die;
  return dwarf_tag(&entry);
}

/// DW_LANG_… of the unit that an entry is in; 0 when it does not say.
int language_of(const Dwarf_Die& die);

constexpr int lang_cpp17 = 0x2b;
constexpr int lang_cpp20 = 0x2c;
bool is_cpp(int language);
bool is_c(int language);
bool is_rust(int language);
bool is_go(int language);

// Attributes that Go's linker adds (cmd/internal/dwarf).
constexpr unsigned at_go_kind = 0x2900;
constexpr unsigned at_go_key = 0x2901;
constexpr unsigned at_go_element = 0x2902;
constexpr unsigned at_go_embedded_field = 0x2903;
constexpr unsigned at_go_runtime_type = 0x2904;
constexpr unsigned at_go_dictionary_index = 0x2906;
constexpr unsigned at_go_closure_offset = 0x2907;

}  // namespace clew::value
