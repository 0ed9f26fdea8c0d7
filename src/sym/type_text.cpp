#include "sym/type_text.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "sym/code_tables.h"
#include "sym/dwarf_attribute.h"

namespace clew::sym {
namespace {

/// Types that nest deeper are cut: "…".
constexpr int deepest_type = 24;
constexpr int most_parameters = 256;
constexpr int most_scopes_of_type = 64;
/// Of one text: types in broken data can have themselves as parameters, several times.
constexpr int most_types = 4096;

class TypeWriter {
 public:
  explicit TypeWriter(CodeTables& tables) : tables_(tables) {}

  std::string parameters(const Dwarf_Die& function, int depth);
  std::string arguments(const Dwarf_Die& die, int depth);

 private:
  std::string type_of(const Dwarf_Die& die, int depth);
  std::string text(const Dwarf_Die& type, int depth);
  std::string pointer(const Dwarf_Die& type, std::string_view mark, int depth);
  std::string name(const Dwarf_Die& type, int depth);
  std::string own_name(const Dwarf_Die& die, int depth);
  void add_arguments(const Dwarf_Die& die, int depth, std::string& text);
  std::string value(const Dwarf_Die& parameter);

  CodeTables& tables_;
  int types_left_ = most_types;
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
  return depth < deepest_type && --types_left_ > 0 ? text(type, depth + 1) : "…";
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
      return name(type, depth);
  }
}

std::string TypeWriter::pointer(const Dwarf_Die& type, std::string_view mark, int depth) {
  Dwarf_Die copy = type;
  Dwarf_Attribute attribute;
  Dwarf_Die to;
  if (dwarf_attr(&copy, DW_AT_type, &attribute) != nullptr &&
      dwarf_formref_die(&attribute, &to) != nullptr && dwarf_tag(&to) == DW_TAG_subroutine_type &&
      depth < deepest_type) {
    return fmt::format("{} ({}){}", type_of(to, depth + 1), mark, parameters(to, depth + 1));
  }
  return type_of(type, depth) + std::string(mark);
}

/// The value of a template parameter.
std::string TypeWriter::value(const Dwarf_Die& parameter) {
  Dwarf_Die die = parameter;
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (reference_attribute(parameter, DW_AT_type, type) &&
      number_attribute(type, DW_AT_encoding) == uint64_t{DW_ATE_boolean})
    return number_attribute(parameter, DW_AT_const_value).value_or(0) != 0 ? "true" : "false";
  Dwarf_Sword number = 0;
  if (dwarf_attr(&die, DW_AT_const_value, &attribute) == nullptr ||
      dwarf_formsdata(&attribute, &number) != 0)
    return std::string(string_attribute(parameter, DW_AT_GNU_template_name));
  return std::to_string(number);
}

void TypeWriter::add_arguments(const Dwarf_Die& die, int depth, std::string& text) {
  Dwarf_Die parent = die;
  Dwarf_Die child;
  int count = 0;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    const int tag = dwarf_tag(&child);
    const bool is_type = tag == DW_TAG_template_type_parameter;
    if (tag == DW_TAG_GNU_template_parameter_pack && depth < deepest_type) {
      add_arguments(child, depth + 1, text);
    } else if (is_type || tag == DW_TAG_template_value_parameter ||
               tag == DW_TAG_GNU_template_template_param) {
      text += text.empty() ? "<" : ", ";
      text += is_type ? type_of(child, depth) : value(child);
    }
  } while (++count < most_parameters && dwarf_siblingof(&child, &child) == 0);
}

std::string TypeWriter::arguments(const Dwarf_Die& die, int depth) {
  std::string text;
  add_arguments(die, depth, text);
  return text.empty() ? text : text + ">";
}

/// Without scopes, but with the arguments that the name itself may leave out.
std::string TypeWriter::own_name(const Dwarf_Die& die, int depth) {
  std::string text(string_attribute(die, DW_AT_name));
  if (!text.empty() && !text.ends_with('>') && depth < deepest_type)
    text += arguments(die, depth + 1);
  return text;
}

std::string TypeWriter::name(const Dwarf_Die& type, int depth) {
  Dwarf_Die at = origin_of(type);
  std::string text = own_name(at, depth);
  if (text.empty()) text = "(anonymous)";
  UnitCode* const unit = tables_.unit_of(at);
  Dwarf_Die scope;
  for (int i = 0; unit != nullptr && i < most_scopes_of_type && unit->find_scope(at, scope); ++i) {
    const std::string outer = own_name(scope, depth);
    text = fmt::format("{}::{}", outer.empty() ? "(anonymous namespace)" : outer, text);
    at = scope;
  }
  return text;
}

}  // namespace

std::string parameter_types(const Module& module, const Dwarf_Die& function) {
  return TypeWriter(module.code_tables()).parameters(function, 0);
}

std::string template_arguments(const Module& module, const Dwarf_Die& die) {
  return TypeWriter(module.code_tables()).arguments(die, 0);
}

}  // namespace clew::sym
