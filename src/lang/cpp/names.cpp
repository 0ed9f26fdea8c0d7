#include "lang/cpp/names.h"

#include <array>
#include <utility>

#include "value/type_text.h"

namespace clew::lang::cpp {
namespace {

constexpr std::string_view separator = "::";

bool is_inline_namespace(std::string_view name) { return name.starts_with("__") || name == "_V2"; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

std::string standard_name(const value::Type* type) {
  const std::string_view scope = type->scope();
  if (!scope.starts_with("std") && scope != "__gnu_cxx") return {};
  if (scope.find('<') != std::string_view::npos) return {};
  std::string name;
  for (size_t at = 0; at < scope.size();) {
    const size_t end = std::min(scope.find(separator, at), scope.size());
    const std::string_view part = scope.substr(at, end - at);
    if (at == 0 || !is_inline_namespace(part)) name.append(part).append(separator);
    at = end + separator.size();
  }
  return name.append(type->base_name());
}

std::string short_name(std::string text) {
  for (const std::string_view inner : {"__cxx11::", "__1::", "__fs::", "__debug::"}) {
    for (size_t at = 0; (at = text.find(inner, at)) != std::string::npos;) {
      const bool is_standard = text.substr(0, at).ends_with("std::");
      if (is_standard) {
        text.erase(at, inner.size());
      } else {
        at += inner.size();
      }
    }
  }
  struct Character {
    std::string_view type, prefix;
  };
  for (const auto& [type, prefix] :
       {Character{"char", ""}, Character{"wchar_t", "w"}, Character{"char8_t", "u8"},
        Character{"char16_t", "u16"}, Character{"char32_t", "u32"}}) {
    const std::string traits = "std::char_traits<" + std::string(type) + ">";
    const std::string head = std::string(type) + ", " + traits;
    for (const std::string_view end : {" >", ">"}) {
      replace_all(text,
                  "std::basic_string<" + head + ", std::allocator<" + std::string(type) + ">" +
                      std::string(end),
                  "std::" + std::string(prefix) + "string");
      replace_all(text, "std::basic_string_view<" + head + std::string(end),
                  "std::" + std::string(prefix) + "string_view");
    }
    // The blank was between the brackets.
    replace_all(text, "std::" + std::string(prefix) + "string >",
                "std::" + std::string(prefix) + "string>");
  }
  return text;
}

std::string short_name(const value::Type* type) { return short_name(value::type_text(type)); }

std::string template_argument_in(std::string_view text, std::string_view template_name, size_t n) {
  const size_t found = text.find(template_name);
  if (found == std::string_view::npos) return {};
  size_t start = found + template_name.size();
  int depth = 0;
  for (size_t at = start; at < text.size(); ++at) {
    const char c = text[at];
    // "operator<" and "->" have brackets that open and close nothing.
    if (c == '>' && at > 0 && text[at - 1] == '-') continue;
    if (depth == 0 && (c == ',' || c == '>')) {
      if (n-- == 0) {
        std::string_view argument = text.substr(start, at - start);
        while (argument.starts_with(' ')) argument.remove_prefix(1);
        while (argument.ends_with(' ')) argument.remove_suffix(1);
        return std::string(argument);
      }
      if (c == '>') return {};
      start = at + 1;
    }
    if (c == '<' || c == '(' || c == '[' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == ']' || c == '}') --depth;
  }
  return {};
}

}  // namespace clew::lang::cpp
