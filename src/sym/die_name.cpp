#include "sym/die_name.h"

#include <dwarf.h>

#include <algorithm>

#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"

namespace clew::sym {
namespace {

/// Scopes in one another beyond this many are a circle.
constexpr int most_scopes_of_die = 64;

bool is_cpp(int language) {
  switch (language) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x002b:  // DW_LANG_C_plus_plus_17
    case 0x002c:  // DW_LANG_C_plus_plus_20
      return true;
    default:
      return false;
  }
}

/// C++, Rust and those of their kind; others have a dot, and C and Go have no scopes here: names in
/// Go are complete.
std::string_view separator(int language) {
  return is_cpp(language) || language == DW_LANG_Rust || language == 0 ? "::" : ".";
}

/// The names of what a function is declared in, outermost first.
struct Scopes {
  std::string text;          // with a separator behind each
  bool is_nameless = false;  // something in it has no name of its own
};

std::string_view scope_name(const Dwarf_Die& scope) {
  const std::string_view name = string_attribute(scope, DW_AT_name);
  if (!name.empty()) return name;
  // A type that has moved to a unit of its own (DWARF 5, 3.1.4) leaves a nameless declaration.
  Dwarf_Die type;
  if (reference_attribute(scope, DW_AT_signature, type)) return string_attribute(type, DW_AT_name);
  Dwarf_Die origin;
  if (step_to_origin(scope, origin)) return string_attribute(origin_of(origin), DW_AT_name);
  return {};
}

Scopes scopes_of(CodeTables& tables, const Dwarf_Die& declared, int language) {
  Scopes scopes;
  Dwarf_Die inner = declared;
  Dwarf_Die scope;
  for (int i = 0; i < most_scopes_of_die; ++i) {
    UnitCode* const unit = tables.unit_of(inner);
    if (unit == nullptr || !unit->find_scope(inner, scope)) break;
    const int tag = dwarf_tag(&scope);
    std::string name(scope_name(scope));
    if (tag != DW_TAG_namespace ? name.empty() || name.front() == '<' : name.starts_with('{'))
      scopes.is_nameless = true;
    if (name.empty()) {
      name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
    } else if (tag == DW_TAG_subprogram) {
      name += "()";
    }
    scopes.text = name + std::string(separator(language)) + scopes.text;
    inner = scope;
  }
  return scopes;
}

}  // namespace

FunctionName read_function_name(CodeTables& tables, const Dwarf_Die& function) {
  FunctionName result;
  std::string_view name;
  Dwarf_Die declared = function;
  Dwarf_Die next;
  for (int i = 0;; ++i) {
    if (name.empty()) name = string_attribute(declared, DW_AT_name);
    if (result.linkage_name.empty()) {
      result.linkage_name = string_attribute(declared, DW_AT_linkage_name);
      if (result.linkage_name.empty())
        result.linkage_name = string_attribute(declared, DW_AT_MIPS_linkage_name);
    }
    if (i == most_origin_steps || !step_to_origin(declared, next)) break;
    declared = next;
  }
  // The unit that is looked at can be one that the linker has made of several languages.
  const UnitCode* const unit = tables.unit_of(declared);
  result.language = unit == nullptr ? 0 : unit->language();
  if (result.language == 0) {
    const UnitCode* const own = tables.unit_of(function);
    if (own != nullptr) result.language = own->language();
  }
  if (name.empty()) {
    result.name = demangle(result.linkage_name);
    return result;
  }
  const Scopes scopes = scopes_of(tables, declared, result.language);
  if (scopes.is_nameless) {
    // A lambda, an impl of a trait: the mangled name knows better.
    const std::string_view mangled =
        result.linkage_name.empty() ? tables.symbol_of(function) : result.linkage_name;
    result.name = demangle_plain(mangled);
    if (result.name != mangled) return result;
  }
  result.name = scopes.text + std::string(name);
  return result;
}

}  // namespace clew::sym
