// Pointers and interfaces of Go, which are shown with what they lead to.

#include "value/render_go.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "value/dwarf_read.h"
#include "value/renderer.h"
#include "value/type_text.h"

namespace clew::value {
namespace {

// Interfaces lead to pointers to structures with interfaces: a chain of contexts or errors is
// followed, a graph is not.
constexpr size_t most_in_one_another = 24;
constexpr size_t most_followed = 500;

}  // namespace

std::string go_structure_name(const Type* type) {
  const std::string name = type_text(type);
  // Without a name of its own, or by the shape that generic code was made for.
  const bool is_unnamed = name.starts_with("struct {") || name.starts_with("go.shape.struct {");
  return is_unnamed ? std::string() : name;
}

/// As an expression that gives the same pointer: (*main.T)(0xc000012340).
void Renderer::go_pointer(const Value& value, Rendering& node) const {
  const auto to = value.as_address();
  if (!to) return make_missing(node, to.error().text);
  const std::string name = type_text(value.type());
  const bool is_prefixed = name.starts_with('*');
  const std::string number = to->value == 0 ? "nil" : fmt::format("{:#x}", to->value);
  node.text =
      is_prefixed ? fmt::format("({})({})", name, number) : fmt::format("{}({})", name, number);
  if (to->value != 0) node.text += symbol_of(*to);
}

/// True for a pointer whose target can be shown and is not being shown already.
bool Renderer::may_follow(const Value& pointer) const {
  const Type* const type = pointer.type()->stripped();
  if (options_.raw || options_.format != Format::natural || pointer.is_absent() ||
      type->kind() != TypeKind::pointer || printers_.find(type) != nullptr ||
      type->target()->stripped()->kind() == TypeKind::nothing) {
    return false;
  }
  const auto to = pointer.as_address();
  if (!to || to->value == 0 || following_.size() >= most_in_one_another ||
      followed_ >= most_followed) {
    return false;
  }
  return std::find(following_.begin(), following_.end(), to->value) == following_.end();
}

/// What a pointer points to, behind `lead`.
Rendering Renderer::followed(const Value& pointer, const std::string& lead, unsigned depth) {
  const auto object = pointer.dereference();
  Rendering node;
  if (!object) {
    make_missing(node, object.error().text);
  } else {
    following_.push_back(object->address().value_or(Addr{}).value);
    ++followed_;
    node = render(*object, depth + 1);
    following_.pop_back();
  }
  const bool has_plain_name = object && node.kind == Rendering::Kind::fields &&
                              node.prefix.empty() &&
                              node.text == go_structure_name(object->type()->stripped());
  if (has_plain_name) {
    node.text = lead;
  } else {
    node.prefix = lead + (node.kind == Rendering::Kind::missing ? " " : " = ") + node.prefix;
  }
  node.type = pointer.type();
  node.address = pointer.address();
  return node;
}

/// What an interface holds, behind the name of its type.
Rendering Renderer::named_stand_in(const Value& value, const std::string& summary, unsigned depth) {
  const Type* const type = value.type()->stripped();
  const bool is_plain_pointer = type->kind() == TypeKind::pointer && is_go(type->language()) &&
                                printers_.find(type) == nullptr && !value.is_absent() &&
                                options_.format == Format::natural;
  if (is_plain_pointer) {
    if (const auto to = value.as_address()) {
      const std::string number = to->value == 0 ? "nil" : fmt::format("{:#x}", to->value);
      const std::string lead = summary + " " + number;
      if (may_follow(value)) return followed(value, lead, depth);
      Rendering node;
      node.text = lead;
      return node;
    }
  }
  Rendering node = render(value, depth + 1);
  const bool has_plain_name = node.kind == Rendering::Kind::fields && node.prefix.empty() &&
                              node.text == go_structure_name(type);
  if (has_plain_name) {
    node.text = summary;
  } else {
    node.prefix = summary + " " + node.prefix;
  }
  return node;
}

}  // namespace clew::value
