#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clew {

/// Text in aligned columns. Cells are plain; colour is put around them after the padding.
class Table {
 public:
  enum class Align { left, right };
  using Paint = std::function<std::string(std::string_view)>;

  struct Column {
    std::string title;
    Align align = Align::left;
    Paint paint;  ///< may be empty
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// The same without a copy of each, for long tables.
  template <typename... Cell>
  void add_row(Cell&&... cells) {
    std::vector<std::string>& row = rows_.emplace_back();
    row.reserve(sizeof...(cells));
    (row.emplace_back(std::forward<Cell>(cells)), ...);
  }

  /// One line each, with a title line first. The last column is cut to `width` columns of the
  /// terminal with "…"; 0 means no limit. A column that is empty in every row is left out.
  std::string render(size_t width, const Paint& title_paint) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// @return how many columns a text takes: its code points (no text of clew's has wide or combining
/// ones but names).
size_t display_width(std::string_view text);

/// "1 thread", "2 threads".
std::string count_of(size_t count, std::string_view what);

/// @return the text cut to `width` columns, the last of them "…" when something was cut.
std::string cut_to_width(std::string_view text, size_t width);

}  // namespace clew
