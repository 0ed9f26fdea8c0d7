#include "lang/type_definition.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "lang/go_type_definition.h"
#include "lang/rust_type_definition.h"
#include "value/dwarf_read.h"
#include "value/type_text.h"

namespace clew::lang {

using value::Access;
using value::Member;
using value::Type;
using value::TypeKind;

namespace {

std::string_view keyword(const Type* type) {
  if (type->kind() == TypeKind::union_type) return "union";
  return type->is_class() ? "class" : "struct";
}

std::string_view access_name(Access access) {
  switch (access) {
    case Access::is_public:
      return "public";
    case Access::is_protected:
      return "protected";
    case Access::is_private:
      return "private";
    case Access::none:
      break;
  }
  return "";
}

/// What a member of a class has when its declaration does not say.
Access access_of(const Type* type, Access said) {
  if (said != Access::none) return said;
  return type->is_class() ? Access::is_private : Access::is_public;
}

bool is_class_like(const Type* type) {
  return type->kind() == TypeKind::structure || type->kind() == TypeKind::union_type;
}

/// Writes definitions, with a column of places in front of each line for layouts.
class CWriter {
 public:
  explicit CWriter(bool has_layout) : has_layout_(has_layout) {}

  /// `behind`: what is made of the type, as in "} *".
  std::string write(const Type* type, std::string_view behind) {
    line("", "type = ", 0);
    define(type, 0, 0, 0);
    text_ += behind;
    return std::move(text_) + "\n";
  }

 private:
  static constexpr size_t places_width = 27;

  /// Begins a line.
  void line(const std::string& places, std::string_view begin, unsigned indent) {
    if (has_layout_) text_ += fmt::format("{:<{}}", places, places_width);
    text_.append(indent, ' ');
    text_ += begin;
  }

  void define(const Type* type, unsigned indent, uint64_t base, int depth) {
    if (is_class_like(type)) return define_class(type, indent, base, depth);
    if (type->kind() == TypeKind::enumeration) return define_enumeration(type);
    text_ += value::type_text(type);
  }

  void define_enumeration(const Type* type) {
    text_ += type->is_enum_class() ? "enum class" : "enum";
    if (!type->name().empty()) text_ += " " + printable(type->full_name());
    const Type* const base = type->target();
    if (value::is_cpp(type->language()) && base->kind() != TypeKind::nothing)
      text_ += " : " + value::type_text(base);
    text_ += " {";
    int64_t next = 0;
    bool is_first = true;
    for (const value::Enumerator& one : type->enumerators()) {
      if (!is_first) text_ += ", ";
      is_first = false;
      const std::string scope = type->is_enum_class()   ? type->full_name() + "::"
                                : type->scope().empty() ? ""
                                                        : type->scope() + "::";
      text_ += printable(scope + one.name);
      if (one.value != next) text_ += fmt::format(" = {}", one.value);
      next = static_cast<int64_t>(static_cast<uint64_t>(one.value) + 1);
    }
    text_ += "}";
  }

  void define_class(const Type* type, unsigned indent, uint64_t base, int depth) {
    text_ += keyword(type);
    if (!type->name().empty()) text_ += " " + printable(type->full_name());
    if (depth > deepest_definition || --budget_ < 0) {
      text_ += " {...}";
      return;
    }
    bases(type);
    text_ += " {\n";
    if (type->is_declaration()) {
      line("", "<incomplete type>\n", indent + indent_step);
    } else {
      const Access last = members(type, indent + indent_step, base, depth);
      variants(type, indent + indent_step, base, depth);
      methods(type, indent + indent_step, last);
    }
    if (has_layout_) total(type, indent);
    line("", "}", indent + (has_layout_ && indent == 0 ? 2 : 0));
  }

  void bases(const Type* type) {
    bool is_first = true;
    for (const Member& member : type->members()) {
      if (!member.is_base) continue;
      text_ += is_first ? " : " : ", ";
      is_first = false;
      text_ += access_name(access_of(type, member.access));
      text_ += member.is_virtual ? " virtual " : " ";
      text_ += printable(member.type->full_name());
    }
  }

  static bool is_hidden(const Member& member) {
    return member.is_base || member.name.starts_with("_vptr");
  }

  /// Members have labels when not everything is as the keyword says.
  static bool needs_labels(const Type* type) {
    const Access usual = type->is_class() ? Access::is_private : Access::is_public;
    if (!value::is_cpp(type->language())) return false;
    for (const Member& member : type->members()) {
      if (member.is_base) continue;
      // The pointer to the virtual table is nobody's to use.
      const Access access = is_hidden(member) ? Access::is_private : access_of(type, member.access);
      if (access != usual) return true;
    }
    for (const value::Method& method : type->methods())
      if (!method.is_artificial && access_of(type, method.access) != usual) return true;
    return false;
  }

  void label(Access access, Access& last, unsigned indent) {
    if (access == last) return;
    last = access;
    line("", fmt::format("{}:\n", access_name(access)), indent - 2);
  }

  /// @return the label that is in force behind them.
  Access members(const Type* type, unsigned indent, uint64_t base, int depth) {
    const bool has_labels = needs_labels(type);
    Access last = Access::none;
    uint64_t end = 0;
    for (const Member& member : type->members()) {
      if (is_hidden(member)) {
        if (member.is_base && !member.is_virtual) end = end_of(member);
        if (!member.is_base) end = member.bit_offset + 64;
        continue;
      }
      if (has_labels) label(access_of(type, member.access), last, indent);
      if (has_layout_ && !member.is_static && type->kind() == TypeKind::structure)
        hole(end, member.bit_offset);
      line(member.is_static ? "" : places(type, member, base), member.is_static ? "static " : "",
           indent);
      declare(member, indent, base, depth);
      if (member.is_bit_field()) text_ += fmt::format(" : {}", member.bit_size);
      text_ += ";\n";
      if (!member.is_static) end = end_of(member);
    }
    return last;
  }

  void declare(const Member& member, unsigned indent, uint64_t base, int depth) {
    const Type* const plain = member.type->unqualified();
    // Without a name a class can only be shown where it stands.
    const bool in_place = value::is_nameless(*member.type) ||
                          (has_layout_ && is_class_like(member.type->unqualified()));
    if (!in_place) {
      text_ += value::declaration(member.type, member.name);
      return;
    }
    define(plain, indent, base + member.offset(), depth + 1);
    if (!member.name.empty()) text_ += " " + printable(member.name);
  }

  void variants(const Type* type, unsigned indent, uint64_t base, int depth) {
    for (const value::VariantPart& part : type->variant_parts()) {
      for (const value::Variant& variant : part.variants) {
        for (const Member& member : variant.members) {
          line(places(type, member, base), "", indent);
          define(member.type->stripped(), indent, base + member.offset(), depth + 1);
          text_ += ",\n";
        }
      }
    }
  }

  /// As in gdb, methods of C++ have labels in any case.
  void methods(const Type* type, unsigned indent, Access last) {
    if (has_layout_) return;
    bool is_first = true;
    for (const value::Method& method : type->methods()) {
      if (method.is_artificial) continue;
      if (is_first && last != Access::none) text_ += "\n";
      is_first = false;
      if (value::is_cpp(type->language())) label(access_of(type, method.access), last, indent);
      line("", "", indent);
      if (method.is_static) text_ += "static ";
      if (method.is_virtual) text_ += "virtual ";
      text_ += signature(type, method) + ";\n";
    }
  }

  static std::string signature(const Type* type, const value::Method& method) {
    const bool is_special = method.name == type->base_name() || method.name.starts_with("~");
    std::string text = is_special ? printable(method.name)
                                  : value::declaration(method.type->target(), method.name);
    std::string list;
    for (const value::Parameter& parameter : method.type->parameters()) {
      if (parameter.is_artificial) continue;
      list += (list.empty() ? "" : ", ") + value::type_text(parameter.type);
    }
    if (method.type->is_variadic()) list += list.empty() ? "..." : ", ...";
    text += "(" + (list.empty() ? "void" : list) + ")";
    const auto parameters = method.type->parameters();
    if (!method.is_static && !parameters.empty() && parameters[0].is_artificial) {
      const Type* const self = parameters[0].type->stripped()->target();
      if (self->kind() == TypeKind::qualified && self->is_const()) text += " const";
    }
    return text;
  }

  // --- Layout

  static uint64_t end_of(const Member& member) {
    if (member.is_bit_field()) return member.bit_offset + member.bit_size;
    const uint64_t size =
        member.type->size() ? *member.type->size() : member.type->stripped()->size().value_or(0);
    return member.bit_offset + 8 * size;
  }

  static std::string places(const Type* type, const Member& member, uint64_t base) {
    const uint64_t size =
        member.type->size() ? *member.type->size() : member.type->stripped()->size().value_or(0);
    if (type->kind() == TypeKind::union_type)
      return fmt::format("/* {:>24}", fmt::format("{} */", size));
    const uint64_t offset = base + member.offset();
    if (member.is_bit_field()) {
      // The unit that it lies in, and from which of its bits on.
      const uint64_t unit = std::max<uint64_t>(size * 8, 8);
      const uint64_t start = member.bit_offset / unit * unit;
      return fmt::format("/* {:>6}:{:>2}   |  {:>6} */", base + start / 8,
                         member.bit_offset - start, size);
    }
    return fmt::format("/* {:>6}      |  {:>6} */", offset, size);
  }

  void hole(uint64_t end, uint64_t start) {
    if (start <= end) return;
    const uint64_t bits = start - end;
    if (bits % 8 != 0) line(fmt::format("/* XXX {:>2}-bit {:<7}    */", bits % 8, "hole"), "\n", 0);
    if (bits / 8 != 0) line(fmt::format("/* XXX {:>2}-byte {:<7}   */", bits / 8, "hole"), "\n", 0);
  }

  void total(const Type* type, unsigned indent) {
    uint64_t end = 0;
    for (const Member& member : type->members())
      if (!member.is_static && !member.is_virtual) end = std::max(end, end_of(member));
    const uint64_t size = type->size().value_or(0);
    if (type->kind() == TypeKind::structure && size * 8 > end && end != 0) {
      if ((size * 8 - end) / 8 != 0)
        line(fmt::format("/* XXX {:>2}-byte {:<7}   */", (size * 8 - end) / 8, "padding"), "\n", 0);
    }
    text_ += "\n";
    line("", fmt::format("/* total size (bytes): {:>4} */\n", size), indent + indent_step);
  }

  bool has_layout_;
  int budget_ = 10'000;  ///< classes within classes
  std::string text_;
};

/// What is defined of a type, and what stands behind the definition: of a pointer to a class the
/// class and " *".
struct Shown {
  const Type* type = nullptr;
  std::string behind;
};

Shown shown(const Type* type) {
  std::string declarator;
  for (const Type* inner = type->stripped();; inner = inner->target()->stripped()) {
    // Aliases and qualifiers of what is no class say something of their own.
    if (is_class_like(inner) || inner->kind() == TypeKind::enumeration) {
      if (!declarator.empty() && value::is_rust(inner->language())) break;
      return {inner, declarator.empty() ? "" : " " + declarator};
    }
    if (inner->kind() == TypeKind::pointer) {
      declarator.insert(0, "*");
    } else if (inner->kind() == TypeKind::reference) {
      declarator.insert(0, inner->is_rvalue_reference() ? "&&" : "&");
    } else if (inner->kind() == TypeKind::array) {
      if (!declarator.empty() && declarator.front() != '[')
        declarator = fmt::format("({})", declarator);
      declarator += inner->count() ? fmt::format("[{}]", *inner->count()) : "[]";
    } else {
      break;
    }
  }
  return {type->kind() == TypeKind::alias ? type->stripped() : type, ""};
}

}  // namespace

std::string type_definition(const Type* type) {
  if (value::is_go(type->stripped()->language())) return go_type_definition(type, false);
  const Shown what = shown(type);
  if (value::is_rust(what.type->language()) && is_class_like(what.type))
    return rust_type_definition(what.type);
  return CWriter(false).write(what.type, what.behind);
}

std::string type_layout(const Type* type) {
  if (value::is_go(type->stripped()->language())) return go_type_definition(type, true);
  const Shown what = shown(type);
  if (!is_class_like(what.type)) return type_definition(type);
  return fmt::format("/* offset      |    size */  ") +
         CWriter(true).write(what.type, what.behind).substr(29 - 2);
}

}  // namespace clew::lang
