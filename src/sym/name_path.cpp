#include "sym/name_path.h"

#include <dwarf.h>

#include <algorithm>

#include "sym/dwarf_names.h"

namespace clew::sym {
namespace {

constexpr std::string_view operator_word = "operator";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || static_cast<signed char>(c) < 0;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// @return where the symbol of an operator ends, if the word at `at` is "operator": its '<', '>'
/// and
/// '(' are no brackets.
size_t behind_operator(std::string_view text, size_t at) {
  const bool starts_word = at == 0 || !is_word(text[at - 1]);
  if (!starts_word || !text.substr(at).starts_with(operator_word)) return at;
  size_t end = at + operator_word.size();
  if (end < text.size() && is_word(text[end])) return at;
  while (end < text.size() && text[end] == ' ') ++end;
  const std::string_view rest = text.substr(end);
  if (rest.starts_with("()") || rest.starts_with("[]")) return end + 2;
  const size_t symbol = std::min(rest.find_first_not_of("<>=-+*/%^&|~!,"), rest.size());
  // "operator<<int>" and "operator<<<int>": of a row of '<' the last opens the arguments, if there
  // are any.
  const bool has_arguments = symbol > 1 && symbol < rest.size() && rest[symbol - 1] == '<' &&
                             is_word(rest[symbol]) && rest.find('>') != rest.npos;
  return end + symbol - (has_arguments ? 1 : 0);
}

/// Calls `visit(position, depth)` for each character that is not part of an operator's symbol. A
/// closing bracket has the depth of what is around it, as an opening one. `visit` returns false to
/// stop.
template <typename Visit>
void walk_brackets(std::string_view text, Visit&& visit) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (const size_t behind = behind_operator(text, i); behind != i) {
      i = behind - 1;
      continue;
    }
    const char c = text[i];
    const bool is_arrow = c == '>' && i > 0 && text[i - 1] == '-';
    if (c == ')' || c == ']' || c == '}' || (c == '>' && !is_arrow)) --depth;
    if (!visit(i, depth)) return;
    if (c == '(' || c == '[' || c == '{' || c == '<') ++depth;
  }
}

/// Where the parameter list of the last part begins; npos when there is none.
size_t find_parameters(std::string_view text) {
  size_t found = text.npos;
  size_t part = 0;
  walk_brackets(text, [&](size_t i, int depth) {
    if (depth != 0) return true;
    if (text[i] == ':') {
      part = i + 1;
      found = text.npos;
    }
    // "(anonymous namespace)" begins a part; parameters come behind something.
    if (text[i] == '(' && found == text.npos && !trimmed(text.substr(part, i - part)).empty())
      found = i;
    return true;
  });
  return found;
}

/// Integer types are sets of words in any order.
class IntegerWords {
 public:
  bool take(std::string_view word) {
    if (word == "unsigned") {
      unsigned_ = true;
    } else if (word == "signed") {
      signed_ = true;
    } else if (word == "long") {
      ++longs_;
    } else if (word == "short") {
      short_ = true;
    } else if (word == "char") {
      char_ = true;
    } else if (word == "double") {
      double_ = true;
    } else if (word != "int") {
      return false;
    }
    any_ = true;
    return true;
  }
  bool any() const { return any_; }
  std::string text() const {
    std::string text = unsigned_ ? "unsigned " : signed_ && char_ ? "signed " : "";
    if (char_) return text + "char";
    for (int i = 0; i < std::min(longs_, 2); ++i) text += "long ";
    if (double_) return text + "double";
    if (short_) return text + "short";
    if (longs_ == 0) return text + "int";
    text.pop_back();
    return text;
  }

 private:
  bool unsigned_ = false, signed_ = false, short_ = false, char_ = false, double_ = false;
  bool any_ = false;
  int longs_ = 0;
};

/// Words of one type, each with its template arguments; const and volatile go to the end.
std::string canonical_words(const std::vector<std::string>& words) {
  IntegerWords integer;
  std::string text;
  std::string qualifiers;
  const auto add = [&](const std::string& word) {
    if (!text.empty()) text += ' ';
    text += word;
  };
  for (const std::string& word : words) {
    if (word == "const" || word == "volatile") {
      qualifiers += ' ' + word;
    } else if (word == "struct" || word == "class" || word == "union" || word == "enum") {
      continue;
    } else if (!integer.take(word)) {
      add(word);
    }
  }
  if (integer.any()) add(integer.text());
  return text + qualifiers;
}

/// @return the length of the part of `text` that begins with '<' and ends with its '>'; all of it
/// when that is missing.
size_t arguments_length(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<' || text[i] == '(') ++depth;
    if (text[i] == ')' || (text[i] == '>' && text[i - 1] != '-')) --depth;
    if (depth == 0) return i + 1;
  }
  return text.size();
}

/// Nobody writes types that nest deeper.
constexpr int deepest_types = 64;

std::string canonical(std::string_view text, int depth) {
  std::string result;
  std::vector<std::string> words;
  bool joins = false;  // the next word goes on with the last one, as behind "::"
  const auto flush = [&] {
    result += canonical_words(words);
    words.clear();
    joins = false;
  };
  const auto append = [&](std::string_view piece) {
    if (words.empty()) words.emplace_back();
    words.back() += piece;
  };
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end > i) {
      if (!joins) words.emplace_back();
      append(text.substr(i, end - i));
      joins = false;
      i = end;
    } else if (text[i] == ' ' || text[i] == '\t') {
      ++i;
    } else if (text.substr(i).starts_with("::")) {
      append("::");
      joins = true;
      i += 2;
    } else if (text[i] == '<' && depth < deepest_types) {
      const size_t length = arguments_length(text.substr(i));
      append("<" + canonical(text.substr(i + 1, length > 1 ? length - 2 : 0), depth + 1) + ">");
      i += length;
    } else {
      flush();
      if (text[i] == ')' && result.ends_with("(void")) result.resize(result.size() - 4);
      result += text[i++];
    }
  }
  flush();
  return result;
}

/// "(*T[int])" and "T[int]" are T with arguments; a pointer's stays marked.
NamePart split_receiver(std::string_view part) {
  const size_t bracket = part.find('[');
  if (bracket == part.npos || bracket == 0) return split_part(part);
  const size_t end = part.rfind(']');
  NamePart result{std::string(part.substr(0, bracket)), {}};
  if (end == part.npos || end < bracket) return result;
  result.arguments = canonical_types(part.substr(bracket, end + 1 - bracket));
  result.base += part.substr(end + 1);
  return result;
}

}  // namespace

std::string canonical_types(std::string_view text) { return canonical(text, 0); }

NamePart split_part(std::string_view part, bool is_go) {
  part = trimmed(part);
  const std::string_view base = base_name(part, is_go ? DW_LANG_Go : 0);
  NamePart result{std::string(base), {}};
  const size_t behind = static_cast<size_t>(base.data() - part.data()) + base.size();
  result.arguments = canonical_types(part.substr(behind));
  return result;
}

NamePath split_name(std::string_view text) {
  NamePath path;
  text = trimmed(text);
  const size_t parameters = find_parameters(text);
  if (parameters != text.npos) {
    // What follows (const, &, [clone .cold]) is left out.
    size_t end = text.size();
    walk_brackets(text.substr(parameters), [&](size_t i, int depth) {
      if (text[parameters + i] != ')' || depth != 0) return true;
      end = parameters + i + 1;
      return false;
    });
    path.parameters = canonical_types(text.substr(parameters, end - parameters));
    text = trimmed(text.substr(0, parameters));
  }
  if (text.starts_with("::")) {
    path.is_absolute = true;
    text.remove_prefix(2);
  }
  size_t start = 0;
  walk_brackets(text, [&](size_t i, int depth) {
    if (depth == 0 && text[i] == ':' && i + 1 < text.size() && text[i + 1] == ':' && i >= start) {
      path.parts.push_back(split_part(text.substr(start, i - start)));
      start = i + 2;
    }
    return true;
  });
  path.parts.push_back(split_part(text.substr(std::min(start, text.size()))));
  return path;
}

NamePath split_go_name(std::string_view text) {
  NamePath path;
  text = trimmed(text);
  const size_t slash = text.substr(0, text.find('[')).rfind('/');
  size_t start = slash == text.npos ? 0 : slash + 1;
  int depth = 0;
  for (size_t i = start; i < text.size(); ++i) {
    if (text[i] == '[' || text[i] == '(') ++depth;
    if (text[i] == ']' || text[i] == ')') --depth;
    if (text[i] != '.' || depth != 0) continue;
    path.parts.push_back(split_receiver(text.substr(start, i - start)));
    start = i + 1;
  }
  if (slash != text.npos) path.directory = text.substr(0, slash);
  path.parts.push_back(split_part(text.substr(start), true));
  return path;
}

}  // namespace clew::sym
