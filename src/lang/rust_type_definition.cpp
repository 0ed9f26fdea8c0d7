#include "lang/rust_type_definition.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "base/printable.h"
#include "lang/go_type_definition.h"
#include "value/type_text.h"

namespace clew::lang {

using value::Member;
using value::Type;
using value::TypeKind;

namespace {

bool is_of_tuple(const Member& member) { return member.name.starts_with("__"); }

std::string field_text(const Member& member) {
  const std::string type = value::type_text(member.type);
  return is_of_tuple(member) ? type : printable(member.name) + ": " + type;
}

/// "Quit", "Move{x: i32, y: i32}", "Color(u8, u8, u8)".
std::string variant_text(const Member& variant) {
  std::string text = printable(variant.name);
  std::string fields;
  bool is_tuple = false;
  for (const Member& member : variant.type->stripped()->members()) {
    fields += (fields.empty() ? "" : ", ") + field_text(member);
    is_tuple = is_of_tuple(member);
  }
  if (fields.empty()) return text;
  return text + (is_tuple ? "(" + fields + ")" : "{" + fields + "}");
}

}  // namespace

std::string rust_type_definition(const Type* type) {
  std::vector<std::string> lines;
  for (const value::VariantPart& part : type->variant_parts()) {
    for (const value::Variant& variant : part.variants) {
      for (const Member& member : variant.members) lines.push_back(variant_text(member));
    }
  }
  const bool is_enum = !type->variant_parts().empty();
  bool is_tuple = false;
  if (!is_enum) {
    for (const Member& member : type->members()) {
      lines.push_back(field_text(member));
      is_tuple = is_of_tuple(member);
    }
  }
  const std::string_view keyword = is_enum                                ? "enum"
                                   : type->kind() == TypeKind::union_type ? "union"
                                                                          : "struct";
  std::string text = fmt::format("type = {} {}", keyword, printable(type->full_name()));
  if (lines.empty()) return text + "\n";
  text += is_tuple ? " (\n" : " {\n";
  for (const std::string& line : lines) text += std::string(indent_step, ' ') + line + ",\n";
  return text + (is_tuple ? ")\n" : "}\n");
}

}  // namespace clew::lang
