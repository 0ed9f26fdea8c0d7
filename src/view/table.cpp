#include "view/table.h"

#include <algorithm>

namespace clew {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string cut_to_width(std::string_view text, size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && columns++ == width - 1) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string Table::render(size_t width, const Paint& title_paint) const {
  std::vector<size_t> widths;
  std::vector<size_t> shown;
  for (size_t c = 0; c < columns_.size(); ++c) {
    size_t widest = 0;
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[c]));
    if (widest > 0) shown.push_back(c);
    widths.push_back(std::max(widest, display_width(columns_[c].title)));
  }
  const auto line = [&](const auto& cell_of, const auto& paint_of) {
    std::string text;
    size_t used = 0;
    for (const size_t c : shown) {
      std::string cell = cell_of(c);
      const bool last = c == shown.back();
      if (!text.empty()) {
        text += "  ";
        used += 2;
      }
      if (last && width > 0) cell = cut_to_width(cell, width > used ? width - used : 1);
      const size_t padding = widths[c] - std::min(widths[c], display_width(cell));
      const bool right = columns_[c].align == Align::right;
      if (right) text.append(padding, ' ');
      const Paint& paint = paint_of(c);
      text += paint ? paint(cell) : cell;
      if (!right && !last) text.append(padding, ' ');
      used += widths[c];
    }
    return text + "\n";
  };
  std::string out = line([&](size_t c) { return columns_[c].title; },
                         [&](size_t) -> const Paint& { return title_paint; });
  for (const auto& row : rows_) {
    out += line([&](size_t c) { return row[c]; },
                [&](size_t c) -> const Paint& { return columns_[c].paint; });
  }
  return out;
}

}  // namespace clew
