#include "view/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

size_t display_width(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string count_of(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
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
  std::vector<size_t> widths(columns_.size());
  std::vector<size_t> shown;
  for (size_t c = 0; c < columns_.size(); ++c) {
    for (const auto& row : rows_) widths[c] = std::max(widths[c], display_width(row[c]));
    if (widths[c] > 0) shown.push_back(c);
    widths[c] = std::max(widths[c], display_width(columns_[c].title));
  }
  std::string out;
  // Without the last column, which is not padded.
  size_t line_width = 1;
  for (const size_t c : shown) line_width += c == shown.back() ? 0 : widths[c] + 2;
  out.reserve((rows_.size() + 1) * line_width);
  const auto add_cell = [&](size_t c, std::string_view text, const Paint& paint) {
    const size_t padding = widths[c] - std::min(widths[c], display_width(text));
    const bool right = columns_[c].align == Align::right;
    if (right) out.append(padding, ' ');
    if (paint) {
      out += paint(text);
    } else {
      out += text;
    }
    if (!right && c != shown.back()) out.append(padding, ' ');
  };
  const auto add_line = [&](const auto& cell_of, const auto& paint_of) {
    size_t used = 0;
    for (const size_t c : shown) {
      if (c != shown.front()) out += "  ";
      const std::string& cell = cell_of(c);
      if (c == shown.back() && width > 0) {
        add_cell(c, cut_to_width(cell, width > used ? width - used : 1), paint_of(c));
      } else {
        add_cell(c, cell, paint_of(c));
      }
      used += widths[c] + 2;
    }
    out += '\n';
  };
  add_line([&](size_t c) -> const std::string& { return columns_[c].title; },
           [&](size_t) -> const Paint& { return title_paint; });
  for (const auto& row : rows_) {
    add_line([&](size_t c) -> const std::string& { return row[c]; },
             [&](size_t c) -> const Paint& { return columns_[c].paint; });
  }
  return out;
}

}  // namespace clew
