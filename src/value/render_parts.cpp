#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/printable.h"
#include "value/character_text.h"
#include "value/dwarf_read.h"
#include "value/render_go.h"
#include "value/renderer.h"
#include "value/type_text.h"

namespace clew::value {
namespace {

/// "__0" and on: the fields of a Rust tuple.
bool is_tuple_field(std::string_view name, size_t index) {
  return name == fmt::format("__{}", index);
}

bool is_tuple(const Type* type) {
  const auto members = type->members();
  if (members.empty() || !is_rust(type->language())) return false;
  for (size_t i = 0; i < members.size(); ++i) {
    if (!is_tuple_field(members[i].name, i)) return false;
  }
  return true;
}

/// Elements of an array that were read, a block at a time.
class ElementBytes {
 public:
  ElementBytes(const Value& array, uint64_t stride, uint64_t count)
      : array_(array), stride_(stride), count_(count) {}

  /// The bytes of one element; empty when they cannot be read.
  Bytes at(uint64_t index) {
    if (stride_ == 0 || stride_ > block_size) return {};
    if (index < first_ || index >= first_ + held_) fetch(index);
    if (index < first_ || index >= first_ + held_) return {};
    return Bytes(block_).subspan((index - first_) * stride_, stride_);
  }

 private:
  static constexpr uint64_t block_size = 64 << 10;

  void fetch(uint64_t index) {
    first_ = index;
    held_ = std::min(block_size / stride_, count_ - index);
    block_.resize(held_ * stride_);
    while (held_ > 0 && !array_.read(index * stride_, std::span(block_).first(held_ * stride_)))
      held_ /= 2;
  }

  const Value& array_;
  uint64_t stride_, count_;
  uint64_t first_ = 0, held_ = 0;
  std::vector<std::byte> block_;
};

/// How many elements from `index` on are equal; not more than `most`.
uint64_t count_equal(ElementBytes& elements, uint64_t index, uint64_t count, uint64_t most) {
  const Bytes first = elements.at(index);
  if (first.empty()) return 1;
  const std::vector<std::byte> wanted(first.begin(), first.end());
  uint64_t same = 1;
  while (same < most && index + same < count) {
    const Bytes next = elements.at(index + same);
    if (next.size() != wanted.size() || !std::equal(next.begin(), next.end(), wanted.begin()))
      break;
    ++same;
  }
  return same;
}

/// Equal neighbours that are too few to be folded become elements of their own again.
void unfold(Rendering& list, uint64_t least) {
  const auto is_short = [&](const Rendering& child) {
    return child.repeats > 1 && child.repeats < least;
  };
  if (std::none_of(list.children.begin(), list.children.end(), is_short)) return;
  std::vector<Rendering> children;
  uint64_t index = 0;
  for (Rendering& child : list.children) {
    const uint64_t count = child.repeats;
    if (is_short(child)) {
      child.repeats = 1;
      for (uint64_t i = 0; i + 1 < count; ++i) {
        children.push_back(child);
        children.back().name = fmt::format("[{}]", index + i);
      }
      child.name = fmt::format("[{}]", index + count - 1);
    }
    children.push_back(std::move(child));
    index += count;
  }
  list.children = std::move(children);
}

bool is_equal(const Rendering& a, const Rendering& b) {
  return a.kind == b.kind && a.text == b.text && a.prefix == b.prefix && a.mark == b.mark &&
         a.is_cut == b.is_cut && a.children.size() == b.children.size() &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(),
                    [](const Rendering& x, const Rendering& y) {
                      return x.name == y.name && x.repeats == y.repeats && is_equal(x, y);
                    });
}

/// False when nothing in it is known: every value within is missing.
bool has_known_part(const Rendering& node) {
  if (!node.children.empty())
    return std::any_of(node.children.begin(), node.children.end(), has_known_part);
  return node.kind == Rendering::Kind::scalar || node.kind == Rendering::Kind::string;
}

}  // namespace

bool Renderer::is_too_deep(unsigned depth, Rendering& node) const {
  if (depth < std::min(options_.depth, PrintOptions::most_depth)) return false;
  node.kind = Rendering::Kind::scalar;
  node.text = "{...}";
  node.is_cut = true;
  return true;
}

void Renderer::reference(const Value& value, unsigned depth, Rendering& node) {
  if (is_too_deep(depth, node)) return;
  const auto to = value.as_address();
  const auto object = value.dereference();
  if (!object) return make_missing(node, object.error().text);
  node = render(*object, depth + 1);
  if (to && options_.addresses) node.prefix = fmt::format("@{:#x}: ", to->value) + node.prefix;
}

void Renderer::structure(const Value& value, const Type* type, unsigned depth, Rendering& node) {
  node.kind = Rendering::Kind::fields;
  if (type->is_declaration()) return make_missing(node, "incomplete type");
  if (is_go(type->language())) node.text = go_structure_name(type);
  if (is_rust(type->language())) {
    if (!type->variant_parts().empty()) return variant(value, type, depth, node);
    node.text = type->full_name().starts_with("(") ? "" : printable(type->full_name());
    if (is_tuple(type)) node.kind = Rendering::Kind::tuple;
  }
  if (is_too_deep(depth, node)) return;
  for (const Member& member : type->members()) {
    if (is_full(node)) return;
    if (member.is_static && !options_.static_members) continue;
    if (member.name == "_" && is_go(type->language()) && !options_.raw) continue;
    add_member(value, member, depth, node);
  }
  // A name alone would look like a constant's.
  if (is_go(type->language()) && node.children.empty() && !node.text.empty()) node.text += " {}";
}

void Renderer::add_member(const Value& value, const Member& member, unsigned depth,
                          Rendering& node) {
  const auto part = value.member(member);
  Rendering child;
  const bool is_seen = member.is_static && std::find(statics_.begin(), statics_.end(),
                                                     member.die.addr) != statics_.end();
  if (member.type->stripped()->kind() == TypeKind::union_type && !options_.unions) {
    child.text = "{...}";
    child.type = member.type;
  } else if (is_seen) {
    make_missing(child, "shown above already");
    child.type = member.type;
  } else if (part) {
    if (member.is_static) statics_.push_back(member.die.addr);
    child = render(*part, depth + 1);
    if (member.is_static) statics_.pop_back();
  } else {
    make_missing(child, part.error().text);
    child.type = member.type;
  }
  child.name =
      member.is_base ? "<" + printable(member.type->full_name()) + ">" : printable(member.name);
  if (member.is_static) child.name = "static " + child.name;
  child.is_name_shown = !member.is_anonymous() && node.kind != Rendering::Kind::tuple;
  node.children.push_back(std::move(child));
}

void Renderer::variant(const Value& value, const Type* type, unsigned depth, Rendering& node) {
  const VariantPart& part = type->variant_parts().front();
  const auto active = value.active_variant(part);
  if (!active) return make_missing(node, active.error().text);
  if (active->variant->members.empty()) return make_missing(node, "an alternative without members");
  const Member& member = active->variant->members.front();
  const auto payload = value.member(member);
  if (!payload) return make_missing(node, payload.error().text);
  const Type* const shape = payload->type()->stripped();
  if (shape->kind() == TypeKind::structure) {
    structure(*payload, shape, depth, node);
  } else {
    node.children.push_back(render(*payload, depth + 1));
  }
  if (node.kind != Rendering::Kind::missing && node.text != "{...}")
    node.text = printable(type->full_name() + "::" + member.name);
}

void Renderer::array(const Value& value, const Type* type, unsigned depth, Rendering& node) {
  const auto stride = type->stride();
  if (!type->count() || !stride) {
    // An array without an end, such as the last member of a structure: where it begins.
    const auto at = value.address();
    if (!at) return make_missing(node, "an array of unknown length");
    node.text = fmt::format("{:#x}{}", at->value, symbol_of(*at));
    return;
  }
  if (text_array(value, type, node)) return;
  node.kind = Rendering::Kind::list;
  node.count = *type->count();
  if (is_too_deep(depth, node)) return;
  elements(value, type, *type->count(), depth, node);
}

void Renderer::elements(const Value& value, const Type* type, uint64_t count, unsigned depth,
                        Rendering& node) {
  const uint64_t limit = element_limit();
  // A run of equal elements is followed for so long.
  constexpr uint64_t most_equal = uint64_t{64} << 20;
  ElementBytes bytes(value, *type->stride(), count);
  // Without their bytes (in pieces, of which one is missing) elements are told apart by themselves.
  uint64_t shown = 0;
  for (uint64_t i = 0; i < count; ++shown) {
    if (shown >= limit) {
      node.is_cut = true;
      return;
    }
    if (is_full(node)) return;
    const auto index = static_cast<int64_t>(i) + type->lower_bound();
    const auto element = value.element(index);
    if (!element) {
      node.mark = "<" + printable(element.error().text) + ">";
      return;
    }
    const uint64_t same = options_.repeats == 0 ? 1 : count_equal(bytes, i, count, most_equal);
    Rendering child = render(*element, depth + 1);
    child.name = fmt::format("[{}]", index);
    child.is_name_shown = options_.array_indexes;
    const bool is_folded = options_.repeats != 0 && same >= options_.repeats;
    if (is_folded) {
      child.repeats = same;
      shown += options_.repeats - 1;
      i += same;
    } else {
      ++i;
    }
    // Memory that ends within an array: once is enough.
    const bool is_unreadable = child.kind == Rendering::Kind::missing;
    node.children.push_back(std::move(child));
    if (is_unreadable && value.address() && bytes.at(i - 1).empty()) {
      node.is_cut = i < count;
      return;
    }
  }
}

bool Renderer::text_array(const Value& value, const Type* type, Rendering& node) {
  const Type* const element = type->target()->stripped();
  if (element->kind() != TypeKind::character || is_rust(type->language()) || type->is_vector() ||
      (options_.format != Format::natural && options_.format != Format::string)) {
    return false;
  }
  const uint64_t unit = element->size().value_or(1);
  const uint64_t count = *type->count();
  if ((unit != 1 && unit != 2 && unit != 4) || type->stride() != unit) return false;
  const uint64_t wanted = std::min(count, unit_limit());
  std::vector<std::byte> bytes(wanted * unit);
  if (auto status = value.read(0, bytes); !status) {
    // Some of it may be in pieces that are there.
    if (!value.address()) return false;
    make_missing(node, status.error().text);
    return true;
  }
  node.kind = Rendering::Kind::string;
  StringWriter::Rules rules;
  rules.encoding = encoding_of(element);
  rules.prefix = text_prefix(element);
  rules.repeats = options_.repeats;
  rules.is_cut = wanted < count;
  auto units = units_of(bytes, static_cast<unsigned>(unit));
  const auto zero = std::find(units.begin(), units.end(), 0U);
  if (options_.null_stop && zero != units.end()) {
    units.erase(zero, units.end());
    rules.is_cut = false;
  } else if (!rules.is_cut && !units.empty() && units.back() == 0) {
    // The zero that ends a string is not part of it.
    units.pop_back();
  }
  node.text = StringWriter::write(units, rules);
  node.is_cut = rules.is_cut;
  return true;
}

std::string Renderer::string_of(const Text& text, const Value& value, std::string& mark) const {
  const unsigned unit = unit_size_of(text.encoding);
  const uint64_t limit = unit_limit();
  const uint64_t wanted = std::min(text.length, limit);
  StringWriter::Rules rules;
  rules.encoding = text.encoding;
  rules.prefix = text.prefix;
  rules.repeats = options_.repeats;
  std::vector<uint32_t> units;
  // Memory may end in the midst of it, or behind a zero: no more than a block is asked for at once.
  constexpr uint64_t block = 256;
  while (units.size() < wanted) {
    const Addr at = text.start + units.size() * unit;
    // Up to the end of a block, so that what lies behind the end of the string is not missed.
    const uint64_t to_end = (block - at.value % block + unit - 1) / unit;
    const uint64_t count = std::min<uint64_t>(wanted - units.size(), to_end);
    std::vector<std::byte> bytes(count * unit);
    const auto read = value.target().memory().read_memory(at, bytes);
    const uint64_t got = read ? *read / unit : 0;
    const auto fresh = units_of(Bytes(bytes).first(got * unit), unit);
    const auto zero = text.ends_at_zero ? std::find(fresh.begin(), fresh.end(), 0U) : fresh.end();
    units.insert(units.end(), fresh.begin(), zero);
    if (zero != fresh.end()) return StringWriter::write(units, rules);
    if (got == count) continue;
    const std::string problem =
        fmt::format("<cannot read memory at {:#x}>", (text.start + units.size() * unit).value);
    if (!units.empty()) return StringWriter::write(units, rules) + problem;
    mark = problem;
    return {};
  }
  rules.is_cut = text.length > limit;
  if (text.ends_at_zero && rules.is_cut) {
    // A string that is exactly as long as the limit is whole.
    std::vector<std::byte> next(unit);
    const auto read = value.target().memory().read_memory(text.start + units.size() * unit, next);
    rules.is_cut = !read || *read < unit || units_of(next, unit).front() != 0;
  }
  return StringWriter::write(units, rules);
}

void Renderer::presented(const Value& value, const Printer& printer, unsigned depth,
                         Rendering& node) {
  auto presentation = printer.present(value);
  if (!presentation) {
    plain(value, value.type()->stripped(), depth, node);
    if (presentation.error().code == ErrorCode::unavailable) {
      // A part of it is not there: the fields say which.
      if (!has_known_part(node)) make_missing(node, presentation.error().text);
      return;
    }
    node.prefix = "<" + printable(presentation.error().text) + "> " + node.prefix;
    return;
  }
  if (is_too_deep(depth, node)) return;
  const std::string summary = printable(presentation->summary);
  if (presentation->stand_in && presentation->names_stand_in) {
    node = named_stand_in(*presentation->stand_in, summary, depth);
    return;
  }
  if (presentation->stand_in) {
    node = render(*presentation->stand_in, depth + 1);
    if (!summary.empty()) node.prefix = summary + " = " + node.prefix;
    return;
  }
  node.text = summary;
  if (presentation->text) {
    node.kind = Rendering::Kind::string;
    std::string mark;
    const std::string text = string_of(*presentation->text, value, mark);
    if (!mark.empty()) {
      // Not a string, although there should be one.
      node.kind = Rendering::Kind::missing;
      node.text = mark.substr(1, mark.size() - 2);
      return;
    }
    node.text += (summary.empty() ? "" : " ") + text;
    return;
  }
  node.count = presentation->count;
  add_children(*presentation, depth, node);
}

void Renderer::add_children(const Presentation& presentation, unsigned depth, Rendering& node) {
  switch (presentation.shape) {
    case Shape::none:
      node.kind = Rendering::Kind::scalar;
      return;
    case Shape::fields:
      node.kind = Rendering::Kind::fields;
      break;
    case Shape::list:
      node.kind = Rendering::Kind::list;
      break;
    case Shape::map:
      node.kind = Rendering::Kind::map;
      break;
  }
  if (presentation.next) collect_children(presentation, depth, node);
  if (presentation.shape == Shape::list) unfold(node, options_.repeats);
}

void Renderer::collect_children(const Presentation& presentation, unsigned depth, Rendering& node) {
  // Elements that repeat take no room, but each is read.
  constexpr uint64_t most_folded = 20'000;
  const uint64_t limit = element_limit();
  const bool is_list = presentation.shape == Shape::list;
  uint64_t index = 0;
  for (uint64_t shown = 0;; ++index) {
    if (is_full(node)) return;
    auto next = presentation.next();
    if (!next) {
      node.mark = "<" + printable(next.error().text) + ">";
      return;
    }
    if (!*next) return;
    if (shown >= limit || (index >= most_folded && index - most_folded >= limit)) {
      node.is_cut = true;
      return;
    }
    const Child& child = **next;
    Rendering rendered = render(child.value, depth + 1);
    Rendering* const last = node.children.empty() ? nullptr : &node.children.back();
    if (is_list && options_.repeats != 0 && last != nullptr && is_equal(*last, rendered)) {
      // Whether there are enough of them to stay folded is seen at the end.
      ++last->repeats;
      if (last->repeats <= options_.repeats) ++shown;
      continue;
    }
    rendered.name = is_list ? fmt::format("[{}]", index) : printable(child.name);
    rendered.is_name_shown = !is_list || options_.array_indexes;
    if (child.key) {
      const Rendering key = render(*child.key, depth + 1);
      rendered.name =
          "[" + to_text(key, syntax_of(child.key->type()->language()), PrintOptions()) + "]";
    }
    ++shown;
    node.children.push_back(std::move(rendered));
  }
}

Text::Encoding encoding_of(const Type* character) {
  switch (character->size().value_or(1)) {
    case 2:
      return Text::Encoding::utf16;
    case 4:
      return Text::Encoding::utf32;
    default:
      return Text::Encoding::bytes;
  }
}

std::string text_prefix(const Type* character) {
  const std::string_view name = character->name();
  if (name == "wchar_t") return "L";
  if (name == "char16_t") return "u";
  if (name == "char32_t") return "U";
  if (name == "char8_t") return "u8";
  return {};
}

}  // namespace clew::value
