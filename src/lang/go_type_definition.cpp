#include "lang/go_type_definition.h"

#include <fmt/format.h>

#include <cctype>

#include "base/printable.h"
#include "value/type_text.h"

namespace clew::lang {

using value::GoKind;
using value::Member;
using value::Type;
using value::TypeKind;

namespace {

std::string text_of(const Type* type) { return type == nullptr ? "?" : value::type_text(type); }

uint64_t known_size(const Type* type) {
  return type->size() ? *type->size() : type->stripped()->size().value_or(0);
}

/// The names of basic types have no package, and those of made ones a bracket or a space.
bool is_declared(std::string_view name) {
  return name.find_first_of("*[](){} <") == name.npos || name.ends_with(']');
}

class GoWriter {
 public:
  explicit GoWriter(bool has_layout) : has_layout_(has_layout) {}

  std::string write(const Type* type) {
    const std::string name = text_of(type);
    const bool is_plain = name.find('.') == name.npos && name != "error";
    const bool is_named = !name.empty() && is_declared(name) && name.front() != '[' &&
                          !name.starts_with("map[") && !is_plain;
    line(0, 0, false, 0);
    text_ += is_named ? "type " + name + " " : "type = ";
    if (type->stripped()->kind() == TypeKind::structure &&
        type->stripped()->go_kind() == GoKind::structure) {
      fields(type->stripped(), 0, 0, 0);
    } else {
      text_ += is_named ? underlying(type) : name;
    }
    return text_ + "\n";
  }

 private:
  static constexpr int places_width = 22;

  /// Begins a line.
  void line(uint64_t offset, uint64_t size, bool has_place, unsigned indent) {
    if (has_layout_ && has_place) text_ += fmt::format("/* {:>6} | {:>6} */   ", offset, size);
    if (has_layout_ && !has_place) text_.append(places_width, ' ');
    text_.append(indent, ' ');
  }

  /// What a named type is made of.
  static std::string underlying(const Type* type) {
    if (const Type* const map = type->find_go_kind(GoKind::map))
      return fmt::format("map[{}]{}", text_of(map->go_key()), text_of(map->go_element()));
    if (const Type* const channel = type->find_go_kind(GoKind::channel))
      return "chan " + text_of(channel->go_element());
    if (type->find_go_kind(GoKind::interface) != nullptr) return "interface {...}";
    const Type* const plain = type->stripped();
    if (plain->go_kind() == GoKind::slice) return "[]" + text_of(plain->go_element());
    if (plain->go_kind() == GoKind::string) return "string";
    if (plain->go_kind() == GoKind::function) return function(plain);
    switch (plain->kind()) {
      case TypeKind::array:
        return fmt::format("[{}]{}", plain->count().value_or(0), text_of(plain->target()));
      case TypeKind::pointer:
        return "*" + text_of(plain->target());
      case TypeKind::boolean:
        return "bool";
      case TypeKind::integer: {
        // The debug information does not tell int64 from int.
        const uint64_t bits = known_size(plain) * 8;
        return fmt::format("{}int{}", plain->is_signed() ? "" : "u",
                           kind_has_size(plain) ? std::to_string(bits) : "");
      }
      case TypeKind::floating:
        return fmt::format("float{}", known_size(plain) * 8);
      case TypeKind::complex:
        return fmt::format("complex{}", known_size(plain) * 8);
      default:
        return text_of(plain);
    }
  }

  /// int and uint have kinds of their own.
  static bool kind_has_size(const Type* type) {
    constexpr auto kind_of_uint = static_cast<GoKind>(7);
    return type->go_kind() != GoKind::integer && type->go_kind() != kind_of_uint;
  }

  static std::string function(const Type* type) {
    std::string list;
    for (const value::Parameter& parameter : type->parameters())
      list += (list.empty() ? "" : ", ") + text_of(parameter.type);
    return "func(" + list + ")";
  }

  void fields(const Type* type, unsigned indent, uint64_t base, int depth) {
    if (depth > deepest_definition) {
      text_ += "struct {...}";
      return;
    }
    text_ += "struct {\n";
    size_t widest = 0;
    for (const Member& member : type->members()) {
      if (!member.is_embedded) widest = std::max(widest, printable(member.name).size());
    }
    uint64_t end = 0;
    for (const Member& member : type->members()) {
      if (member.offset() > end) hole(member.offset() - end, "hole", indent);
      line(base + member.offset(), known_size(member.type), true, indent + indent_step);
      if (!member.is_embedded) text_ += fmt::format("{:<{}} ", printable(member.name), widest);
      const Type* const plain = member.type->stripped();
      const bool is_unnamed = text_of(member.type).starts_with("struct {");
      if (is_unnamed && !plain->members().empty()) {
        fields(plain, indent + indent_step, base + member.offset(), depth + 1);
      } else {
        text_ += text_of(member.type);
      }
      text_ += '\n';
      end = std::max(end, member.offset() + known_size(member.type));
    }
    if (known_size(type) > end) hole(known_size(type) - end, "padding", indent);
    if (has_layout_) {
      line(0, 0, false, indent + indent_step);
      text_ += fmt::format("/* total size: {} bytes */\n", known_size(type));
    }
    line(0, 0, false, indent);
    text_ += "}";
  }

  void hole(uint64_t size, std::string_view what, unsigned indent) {
    if (!has_layout_) return;
    line(0, 0, false, indent + indent_step);
    text_ += fmt::format("/* {}-byte {} */\n", size, what);
  }

  bool has_layout_;
  std::string text_;
};

}  // namespace

std::string go_type_definition(const Type* type, bool has_layout) {
  return GoWriter(has_layout).write(type);
}

}  // namespace clew::lang
