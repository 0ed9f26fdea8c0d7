#include "value/type_text.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "base/printable.h"
#include "value/dwarf_read.h"
#include "value/types.h"

namespace clew::value {
namespace {

/// Types within types beyond this depth are a circle, or are read by nobody.
constexpr int deepest_text = 32;

/// In front of the names of types that have no hash or equality functions.
constexpr std::string_view compiler_mark = "noalg.";

/// What qualifies a type, in the order in which it is written, and the type under it.
struct Qualified {
  std::string words;
  const Type* type = nullptr;
};

Qualified unqualify(const Type* type) {
  bool has[4] = {};
  constexpr std::string_view words[] = {"const", "volatile", "restrict", "_Atomic"};
  for (int i = 0; i < deepest_text && type->kind() == TypeKind::qualified; ++i) {
    for (size_t w = 0; w < std::size(words); ++w) has[w] = has[w] || type->qualifier() == words[w];
    type = type->target();
  }
  Qualified result{{}, type};
  for (size_t w = 0; w < std::size(words); ++w) {
    if (has[w])
      result.words += std::string(result.words.empty() ? "" : " ") + std::string(words[w]);
  }
  return result;
}

std::string_view keyword_of(const Type* type) {
  switch (type->kind()) {
    case TypeKind::structure:
      return type->is_class() ? "class" : "struct";
    case TypeKind::union_type:
      return "union";
    case TypeKind::enumeration:
      return "enum";
    default:
      return {};
  }
}

bool is_suffixed(const Type* type) {
  const Type* const target = unqualify(type).type;
  return target->kind() == TypeKind::array || target->kind() == TypeKind::function;
}

/// Writes a type around `inner`, which is what has been said of the thing that is declared: C's
/// declarators, from the inside out.
class TypeTextWriter {
 public:
  std::string write(const Type* type, std::string inner, int depth) {
    // Parameters that take functions that take …: a broken file can make that double each time.
    if (depth > deepest_text || --budget_ < 0) return "...";
    const Qualified plain = unqualify(type);
    const TypeKind kind = plain.type->kind();
    if (is_go(plain.type->language())) return go(plain.type, inner, depth);
    if (kind == TypeKind::pointer && !plain.type->name().empty()) return named(plain, inner);
    if (is_rust(plain.type->language())) return rust(plain, inner, depth);
    const Type* const target = plain.type->target();
    switch (kind) {
      case TypeKind::pointer:
        return write(target, around("*", plain.words, inner, target), depth + 1);
      case TypeKind::reference:
        return write(target,
                     around(plain.type->is_rvalue_reference() ? "&&" : "&", {}, inner, target),
                     depth + 1);
      case TypeKind::member_pointer:
        return write(
            target,
            around(std::string(plain.type->containing()->full_name()) + "::*", {}, inner, target),
            depth + 1);
      case TypeKind::array:
        inner += plain.type->count() ? fmt::format("[{}]", *plain.type->count()) : "[]";
        if (plain.type->is_vector())
          inner = "__attribute__ ((vector_size(" + std::to_string(plain.type->count().value_or(0)) +
                  ")))";
        // What qualifies an array qualifies its elements.
        return words(plain.words, write(target, inner, depth + 1));
      case TypeKind::function:
        return write(target, inner + parameters(plain.type, depth), depth + 1);
      default:
        return named(plain, inner);
    }
  }

 private:
  static std::string words(const std::string& qualifiers, const std::string& text) {
    return qualifiers.empty() ? text : qualifiers + " " + text;
  }

  static std::string around(std::string mark, const std::string& qualifiers,
                            const std::string& inner, const Type* target) {
    if (!qualifiers.empty()) {
      mark += " " + qualifiers;
      if (!inner.empty()) mark += " ";
    }
    mark += inner;
    return is_suffixed(target) ? "(" + mark + ")" : mark;
  }

  static std::string named(const Qualified& plain, const std::string& inner) {
    const Type* const type = plain.type;
    std::string name(type->full_name());
    const std::string_view keyword = keyword_of(type);
    if (name.empty() && !keyword.empty()) {
      name = std::string(keyword) + " {...}";
    } else if (name.empty()) {
      name = type->kind() == TypeKind::unknown ? "<unknown type>" : "<unnamed>";
    } else if (!keyword.empty() && is_c(type->language())) {
      name = std::string(keyword) + " " + name;
    }
    std::string text = words(plain.words, printable(name));
    if (!inner.empty()) text += " " + inner;
    return text;
  }

  std::string parameters(const Type* function, int depth) {
    std::string text;
    for (const Parameter& parameter : function->parameters()) {
      if (!text.empty()) text += ", ";
      text += write(parameter.type, {}, depth + 1);
    }
    if (function->is_variadic()) text += text.empty() ? "..." : ", ...";
    const bool takes_nothing =
        text.empty() && (!is_c(function->language()) || function->die().addr == nullptr ||
                         flag_attribute(function->die(), DW_AT_prototyped));
    return "(" + (takes_nothing ? "void" : text) + ")";
  }

  std::string rust(const Qualified& plain, const std::string& inner, int depth) {
    const Type* const type = plain.type;
    std::string text;
    switch (type->kind()) {
      case TypeKind::pointer:
        text = "*mut " + write(type->target(), {}, depth + 1);
        break;
      case TypeKind::array:
        text = fmt::format("[{}; {}]", write(type->target(), {}, depth + 1),
                           type->count().value_or(0));
        break;
      case TypeKind::function: {
        std::string list;
        for (const Parameter& parameter : type->parameters())
          list += (list.empty() ? "" : ", ") + write(parameter.type, {}, depth + 1);
        text = "fn(" + list + ")";
        if (type->target()->kind() != TypeKind::nothing)
          text += " -> " + write(type->target(), {}, depth + 1);
        break;
      }
      default:
        text = printable(type->full_name());
        if (text.empty()) text = "<unnamed>";
        break;
    }
    return inner.empty() ? text : inner + ": " + text;
  }

  /// The debug information names every type as Go writes it; types that clew has made have no name.
  std::string go(const Type* type, const std::string& inner, int depth) {
    std::string text = printable(type->name());
    if (text.starts_with(compiler_mark)) text.erase(0, compiler_mark.size());
    if (text.empty()) {
      switch (type->kind()) {
        case TypeKind::pointer:
        case TypeKind::reference:
          text = "*" + write(type->target(), {}, depth + 1);
          break;
        case TypeKind::array:
          text = fmt::format("[{}]{}", type->count().value_or(0),
                             write(type->target(), {}, depth + 1));
          break;
        case TypeKind::function:
          text = "func";
          break;
        default:
          text = "<unnamed>";
          break;
      }
    }
    return inner.empty() ? text : inner + " " + text;
  }

  int budget_ = 1000;
};

}  // namespace

std::string type_text(const Type* type) { return TypeTextWriter().write(type, {}, 0); }

bool is_nameless(const Type& type) {
  const Type* const plain = type.unqualified();
  const bool can_have_one = plain->kind() == TypeKind::structure ||
                            plain->kind() == TypeKind::union_type ||
                            plain->kind() == TypeKind::enumeration;
  return can_have_one && plain->name().empty();
}

std::string declaration(const Type* type, std::string_view name) {
  return TypeTextWriter().write(type, std::string(name), 0);
}

}  // namespace clew::value
