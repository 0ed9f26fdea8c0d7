#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "value/character_text.h"
#include "value/dwarf_read.h"
#include "value/dynamic_type.h"
#include "value/place.h"
#include "value/renderer.h"
#include "value/scalar_format.h"
#include "value/type_text.h"

namespace clew::value {

namespace {

/// Rust's [u8; N].
bool is_byte_array(const Type* type) {
  if (type->kind() != TypeKind::array || !is_rust(type->language()) || !type->count()) return false;
  return type->target()->stripped()->name() == "u8";
}

}  // namespace

void make_missing(Rendering& node, const std::string& reason) {
  node.kind = Rendering::Kind::missing;
  node.text = printable(reason);
  node.children.clear();
}

bool Renderer::is_full(Rendering& node) {
  if (nodes_ < PrintOptions::most_nodes && !options_.deadline.passed()) return false;
  node.is_cut = true;
  return true;
}

Rendering Renderer::root(const Value& value) {
  // What an object of C++ really is.
  std::optional<Value> object;
  if (options_.dynamic_types && !options_.raw) object = dynamic_object(value);
  const bool tells_type = options_.pointer_types && options_.format == Format::natural;
  if (!object && tells_type && options_.dynamic_types && !options_.raw) {
    if (const auto pointer = dynamic_pointer(value)) {
      // It leads to the whole object, which may begin before what it pointed to.
      Rendering node = render(*pointer, 0);
      node.prefix = "(" + type_text(pointer->type()) + ") " + node.prefix;
      return node;
    }
  }
  const Value& shown = object ? *object : value;
  if (options_.follow && is_go(shown.type()->stripped()->language()) && may_follow(shown)) {
    Rendering pointer;
    go_pointer(shown, pointer);
    return followed(shown, pointer.text, 0);
  }
  Rendering node = render(shown, 0);
  if (object) {
    node.prefix = "(" + type_text(shown.type()) + ") " + node.prefix;
  } else if (tells_type) {
    node.prefix = pointer_type_of(value, node) + node.prefix;
  }
  return node;
}

std::string Renderer::pointer_type_of(const Value& value, const Rendering& node) const {
  if (node.kind == Rendering::Kind::missing) return {};
  const Type* const type = value.type()->stripped();
  // Those of Go say it by themselves.
  if (is_go(type->language())) return {};
  if (type->kind() == TypeKind::pointer) {
    // A string says by itself what it is, and so does decltype(nullptr).
    if (type->target()->stripped()->kind() == TypeKind::character || !type->name().empty())
      return {};
  } else if (type->kind() != TypeKind::reference) {
    return {};
  }
  return "(" + type_text(value.type()) + ") ";
}

Rendering Renderer::render(const Value& value, unsigned depth) {
  ++nodes_;
  Rendering node;
  if (value.is_absent()) {
    make_missing(node, value.absence());
  } else {
    const Type* const type = value.type()->stripped();
    // A number that a format is asked for is shown as that.
    const bool is_formatted =
        options_.format != Format::natural && type->kind() == TypeKind::integer;
    const Printer* const printer = options_.raw || is_formatted ? nullptr : printers_.find(type);
    if (printer != nullptr) {
      presented(value, *printer, depth, node);
    } else {
      plain(value, type, depth, node);
    }
  }
  node.type = value.type();
  node.address = value.address();
  return node;
}

void Renderer::plain(const Value& value, const Type* type, unsigned depth, Rendering& node) {
  switch (type->kind()) {
    case TypeKind::structure:
    case TypeKind::union_type:
      return structure(value, type, depth, node);
    case TypeKind::array:
      return array(value, type, depth, node);
    case TypeKind::reference:
      return reference(value, depth, node);
    case TypeKind::pointer:
      return pointer(value, type, node);
    case TypeKind::function:
      return function(value, node);
    case TypeKind::member_pointer:
      return member_pointer(value, type, node);
    case TypeKind::nothing:
      node.text = is_rust(type->language()) ? "()" : "void";
      return;
    default:
      return scalar(value, type, node);
  }
}

void Renderer::scalar(const Value& value, const Type* type, Rendering& node) {
  const auto bytes = value.bytes();
  if (!bytes) return make_missing(node, bytes.error().text);
  if (bytes->empty()) {
    return make_missing(node, type->kind() == TypeKind::unknown
                                  ? "its type is not known: cast it, as in (long)NAME"
                                  : "incomplete type");
  }
  node.text = format_scalar(type, *bytes, options_.format);
  if (options_.format != Format::address) return;
  if (const auto number = value.as_unsigned()) node.text += symbol_of(Addr{*number});
}

std::string Renderer::symbol_of(Addr address) const {
  if (!options_.symbols) return {};
  return address_suffix(target_, address);
}

void Renderer::pointer(const Value& value, const Type* type, Rendering& node) {
  if (value.place().kind() == Place::Kind::implicit_pointer) {
    node.text = "<optimised out pointer: its target can be looked at>";
    return;
  }
  const auto to = value.as_address();
  if (!to) return make_missing(node, to.error().text);
  if (is_go(type->language()) && options_.format == Format::natural) return go_pointer(value, node);
  const Type* const target = type->target()->stripped();
  const bool is_text =
      target->kind() == TypeKind::character && target->size() && !is_rust(type->language());
  if (options_.format == Format::natural || options_.format == Format::address ||
      (options_.format == Format::string && is_text)) {
    const std::string symbol = to->value == 0 ? std::string() : symbol_of(*to);
    if (options_.addresses || (!is_text && symbol.empty()))
      node.text = fmt::format("{:#x}", to->value);
    node.text += symbol;
    if (is_byte_array(target) && to->value != 0 && options_.format == Format::natural) {
      node.kind = Rendering::Kind::string;
      node.text += (node.text.empty() ? "" : " ") + pointed_bytes(value, *target->count(), *to);
      return;
    }
    if (!is_text || to->value == 0 || options_.format == Format::address) return;
    node.kind = Rendering::Kind::string;
    if (!node.text.empty()) node.text += " ";
    node.text += pointed_text(value, target, *to);
    return;
  }
  scalar(value, type, node);
}

/// Of Rust's b"text", which is a reference to an array.
std::string Renderer::pointed_bytes(const Value& value, uint64_t count, Addr address) const {
  Text text;
  text.start = address;
  text.length = count;
  text.prefix = "b";
  std::string mark;
  const std::string shown = string_of(text, value, mark);
  return mark.empty() ? shown : mark;
}

std::string Renderer::pointed_text(const Value& value, const Type* target, Addr address) const {
  Text text;
  text.start = address;
  text.length = PrintOptions::most_units;
  text.ends_at_zero = true;
  text.encoding = encoding_of(target);
  text.prefix = text_prefix(target);
  std::string mark;
  const std::string shown = string_of(text, value, mark);
  return mark.empty() ? shown : mark;
}

void Renderer::function(const Value& value, Rendering& node) {
  const auto at = value.address();
  if (!at) return make_missing(node, "a function without an address");
  node.text = fmt::format("{{{}}} {:#x}{}", type_text(value.type()), at->value, symbol_of(*at));
}

void Renderer::member_pointer(const Value& value, const Type* type, Rendering& node) {
  const auto first = value.read<int64_t>();
  if (!first) return make_missing(node, first.error().text);
  if (type->target()->stripped()->kind() != TypeKind::function) {
    // Itanium C++ ABI, 2.3: the offset of the member, -1 for none.
    if (*first == -1) {
      node.text = "NULL";
      return;
    }
    for (const Member& member : type->containing()->stripped()->members()) {
      if (member.is_static || member.is_base || member.is_bit_field() ||
          member.offset() != static_cast<uint64_t>(*first)) {
        continue;
      }
      node.text = printable("&" + type->containing()->full_name() + "::" + member.name);
      return;
    }
    node.text = std::to_string(*first);
    return;
  }
  const auto second = value.read<int64_t>(sizeof(int64_t));
  if (!second) return make_missing(node, second.error().text);
  if (*first == 0) {
    node.text = "NULL";
  } else if ((*first & 1) != 0) {
    node.text = fmt::format("&virtual function {} of the table", (*first - 1) / 8);
  } else {
    const Addr at{static_cast<uint64_t>(*first)};
    node.text = fmt::format("{:#x}{}", at.value, symbol_of(at));
  }
  if (*first != 0 && *second != 0) node.text += fmt::format(", this adjusted by {}", *second);
}

std::string address_suffix(Target& target, Addr address) {
  const auto name = target.name_of(address);
  if (!name) return {};
  const std::string offset = name->offset == 0 ? "" : fmt::format("+{}", name->offset);
  return " <" + printable(name->name) + offset + ">";
}

Rendering render(const Value& value, const PrinterSet& printers, const PrintOptions& options) {
  return Renderer(value.target(), printers, options).root(value);
}

}  // namespace clew::value
