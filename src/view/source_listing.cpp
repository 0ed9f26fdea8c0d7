#include "view/source_listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace clew {

std::string printable_source(std::string_view line) {
  constexpr size_t tab_width = 8;
  std::string text;
  size_t column = 0;
  for (size_t start = 0; start <= line.size();) {
    const size_t tab = std::min(line.find('\t', start), line.size());
    const std::string_view piece = line.substr(start, tab - start);
    text += printable(piece);
    column += piece.size();
    if (tab == line.size()) break;
    const size_t spaces = tab_width - column % tab_width;
    text.append(spaces, ' ');
    column += spaces;
    start = tab + 1;
  }
  return text;
}

std::string render_source(const SourceText& text, size_t first, size_t last,
                          std::optional<size_t> current, const Style& style) {
  std::string result;
  last = std::min(last, text.line_count());
  const size_t width = std::max<size_t>(fmt::formatted_size("{}", last), 4);
  for (size_t number = std::max<size_t>(first, 1); number <= last; ++number) {
    const bool is_current = current && *current == number;
    const std::string label = fmt::format("{} {:>{}}", is_current ? "=>" : "  ", number, width);
    const std::string line = printable_source(text.line(number));
    result += is_current ? style.current(label) : style.faint(label);
    result += line.empty() ? "\n" : "  " + line + "\n";
  }
  return result;
}

}  // namespace clew
