#include "sym/type_text.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "sym/code_tables.h"
#include "sym/dwarf_attribute.h"

namespace clew::sym {
namespace {

/// Types that nest deeper are cut: "…".
constexpr int deepest = 24;
constexpr int most_parameters = 256;
constexpr int most_scopes = 64;

class TypeWriter {
 public:
  explicit TypeWriter(CodeTables& tables) : tables_(tables) {}

  std::string parameters(const Dwarf_Die& function, int depth);

 private:
  std::string type_of(const Dwarf_Die& die, int depth);
  std::string text(const Dwarf_Die& type, int depth);
  std::string pointer(const Dwarf_Die& type, std::string_view mark, int depth);
  std::string name(const Dwarf_Die& type);

  CodeTables& tables_;
};

bool is_artificial(const Dwarf_Die& die) {
  Dwarf_Die copy = die;
  Dwarf_Attribute attribute;
  bool value = false;
  return dwarf_attr_integrate(&copy, DW_AT_artificial, &attribute) != nullptr &&
         dwarf_formflag(&attribute, &value) == 0 && value;
}

std::string TypeWriter::parameters(const Dwarf_Die& function, int depth) {
  std::string text = "(";
  Dwarf_Die parent = function;
  Dwarf_Die child;
  int count = 0;
  if (dwarf_child(&parent, &child) == 0) {
    do {
      const int tag = dwarf_tag(&child);
      if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters) continue;
      if (is_artificial(child)) continue;
      if (text.size() > 1) text += ", ";
      text += tag == DW_TAG_formal_parameter ? type_of(child, depth) : "...";
    } while (++count < most_parameters && dwarf_siblingof(&child, &child) == 0);
  }
  return text + ")";
}

std::string TypeWriter::type_of(const Dwarf_Die& die, int depth) {
  Dwarf_Die copy = die;
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (dwarf_attr_integrate(&copy, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr)
    return "void";
  return depth < deepest ? text(type, depth + 1) : "…";
}

std::string TypeWriter::text(const Dwarf_Die& type, int depth) {
  Dwarf_Die die = type;
  switch (dwarf_tag(&die)) {
    case DW_TAG_pointer_type:
      return pointer(type, "*", depth);
    case DW_TAG_reference_type:
      return pointer(type, "&", depth);
    case DW_TAG_rvalue_reference_type:
      return pointer(type, "&&", depth);
    case DW_TAG_const_type:
      return type_of(type, depth) + " const";
    case DW_TAG_volatile_type:
      return type_of(type, depth) + " volatile";
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
      return type_of(type, depth);
    case DW_TAG_array_type:
      return type_of(type, depth) + " []";
    case DW_TAG_subroutine_type:
      return type_of(type, depth) + " " + parameters(type, depth);
    default:
      return name(type);
  }
}

std::string TypeWriter::pointer(const Dwarf_Die& type, std::string_view mark, int depth) {
  Dwarf_Die copy = type;
  Dwarf_Attribute attribute;
  Dwarf_Die to;
  if (dwarf_attr(&copy, DW_AT_type, &attribute) != nullptr &&
      dwarf_formref_die(&attribute, &to) != nullptr && dwarf_tag(&to) == DW_TAG_subroutine_type &&
      depth < deepest) {
    return fmt::format("{} ({}){}", type_of(to, depth + 1), mark, parameters(to, depth + 1));
  }
  return type_of(type, depth) + std::string(mark);
}

std::string TypeWriter::name(const Dwarf_Die& type) {
  Dwarf_Die at = origin_of(type);
  std::string text(string_attribute(at, DW_AT_name));
  if (text.empty()) text = "(anonymous)";
  UnitCode* const unit = tables_.unit_of(at);
  Dwarf_Die scope;
  for (int i = 0; unit != nullptr && i < most_scopes && unit->find_scope(at, scope); ++i) {
    const std::string_view outer = string_attribute(scope, DW_AT_name);
    text = fmt::format("{}::{}", outer.empty() ? "(anonymous namespace)" : outer, text);
    at = scope;
  }
  return text;
}

}  // namespace

std::string parameter_types(const Module& module, const Dwarf_Die& function) {
  return TypeWriter(module.code_tables()).parameters(function, 0);
}

}  // namespace clew::sym
