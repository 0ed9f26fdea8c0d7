#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>

#include "value/dwarf_read.h"
#include "value/rendering.h"

namespace clew::value {
namespace {

constexpr unsigned indent_step = 2;

bool is_aggregate(const Rendering& node) {
  switch (node.kind) {
    case Rendering::Kind::fields:
    case Rendering::Kind::list:
    case Rendering::Kind::map:
    case Rendering::Kind::tuple:
      return true;
    default:
      return false;
  }
}

/// Writes a tree; recursion is as deep as the tree, which the renderer has bounded.
class RenderingWriter {
 public:
  RenderingWriter(const Syntax& syntax, const PrintOptions& options)
      : syntax_(syntax), options_(options) {}

  void write(const Rendering& node, unsigned indent) {
    text_ += node.prefix;
    if (node.kind == Rendering::Kind::missing) {
      text_ += "<" + node.text + ">";
    } else if (!is_aggregate(node)) {
      text_ += node.text;
      if (!node.mark.empty()) text_ += " " + node.mark;
    } else {
      aggregate(node, indent);
    }
    if (node.repeats > 1) text_ += fmt::format(" <repeats {} times>", node.repeats);
  }
  std::string take() { return std::move(text_); }

 private:
  void aggregate(const Rendering& node, unsigned indent) {
    const Brackets brackets = brackets_of(node);
    text_ += node.text;
    if (node.children.empty() && !node.is_cut && node.mark.empty()) {
      // What is called something is that; what is not shows that there is nothing in it.
      if (!node.text.empty()) return;
      if (node.kind == Rendering::Kind::fields && syntax_.list_open == '{') {
        text_ += "{<no data fields>}";
        return;
      }
    }
    if (!node.text.empty()) text_ += brackets.before;
    text_ += brackets.open;
    const bool in_lines = options_.pretty && has_lines(node);
    bool is_first = true;
    for (const Rendering& child : node.children) {
      if (!is_first) text_ += in_lines ? "," : ", ";
      is_first = false;
      if (in_lines) new_line(indent + indent_step);
      if (child.is_name_shown && !child.name.empty())
        text_.append(child.name).append(equals(node, child));
      write(child, indent + indent_step);
    }
    if (node.is_cut) text_ += "...";
    if (!node.mark.empty()) text_ += (is_first ? "" : ", ") + node.mark;
    if (in_lines) new_line(indent);
    text_ += brackets.close;
  }

  struct Brackets {
    std::string_view before;
    char open, close;
  };
  Brackets brackets_of(const Rendering& node) const {
    switch (node.kind) {
      case Rendering::Kind::tuple:
        return {"", '(', ')'};
      case Rendering::Kind::list:
        return {" = ", syntax_.list_open, syntax_.list_close};
      case Rendering::Kind::map:
        return {" = ", '{', '}'};
      default:
        return {syntax_.fields, '{', '}'};
    }
  }

  std::string_view equals(const Rendering& node, const Rendering& child) const {
    return node.kind == Rendering::Kind::fields && child.name.front() != '[' ? syntax_.equals
                                                                             : " = ";
  }

  /// Lists of plain values stay on one line.
  static bool has_lines(const Rendering& node) {
    if (node.children.empty()) return false;
    if (node.kind != Rendering::Kind::list && node.kind != Rendering::Kind::tuple) return true;
    return std::any_of(node.children.begin(), node.children.end(), [](const Rendering& child) {
      return is_aggregate(child) && has_lines(child);
    });
  }

  void new_line(unsigned indent) {
    text_ += '\n';
    text_.append(indent, ' ');
  }

  const Syntax& syntax_;
  const PrintOptions& options_;
  std::string text_;
};

}  // namespace

const Syntax& syntax_of(int language) {
  static constexpr Syntax c;
  static constexpr Syntax rust{": ", " ", '[', ']'};
  return is_rust(language) || is_go(language) ? rust : c;
}

std::string to_text(const Rendering& rendering, const Syntax& syntax, const PrintOptions& options,
                    unsigned indent) {
  RenderingWriter writer(syntax, options);
  writer.write(rendering, indent);
  return writer.take();
}

}  // namespace clew::value
