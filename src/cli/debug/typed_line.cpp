#include "cli/debug/typed_line.h"

#include <algorithm>
#include <sstream>

namespace clew::cli {

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(blanks);
  if (start == text.npos) return {};
  return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

TypedLine split_line(std::string_view line) {
  TypedLine typed;
  const size_t name_end = std::min(line.find_first_of(" \t/"), line.size());
  typed.name = line.substr(0, name_end);
  std::string_view rest = line.substr(name_end);
  if (!rest.empty() && rest.front() == '/') {
    const size_t end = std::min(rest.find_first_of(blanks), rest.size());
    typed.arguments.suffix = rest.substr(1, end - 1);
    rest.remove_prefix(end);
  }
  typed.arguments.text = trimmed(rest);
  std::istringstream words(typed.arguments.text);
  for (std::string word; words >> word;) typed.arguments.words.push_back(word);
  return typed;
}

}  // namespace clew::cli
