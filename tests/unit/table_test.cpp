#include "view/table.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

TEST(Table, AlignsAndLeavesOutEmptyColumns) {
  Table table({{"N", Table::Align::right, {}},
               {"NAME", Table::Align::left, {}},
               {"EMPTY", Table::Align::left, {}},
               {"LAST", Table::Align::left, {}}});
  table.add({"1", "a", "", "x"});
  table.add({"10", "longer", "", "y"});
  EXPECT_EQ(table.render(0, {}), " N  NAME    LAST\n 1  a       x\n10  longer  y\n");
}

TEST(Table, CutsTheLastColumnToTheTerminal) {
  Table table({{"A", Table::Align::left, {}}, {"B", Table::Align::left, {}}});
  table.add({"aa", "0123456789"});
  EXPECT_EQ(table.render(8, {}), "A   B\naa  012…\n");
}

TEST(Table, PaintDoesNotChangeTheWidths) {
  Table table(
      {{"A", Table::Align::right, [](std::string_view t) { return "<" + std::string(t) + ">"; }},
       {"B", Table::Align::left, {}}});
  table.add({"1", "x"});
  table.add({"22", "y"});
  EXPECT_EQ(table.render(0, {}), " A  B\n <1>  x\n<22>  y\n");
}

TEST(DisplayWidth, CountsCodePoints) {
  EXPECT_EQ(display_width("S → t"), 5U);
  EXPECT_EQ(cut_to_width("S → t", 3), "S …");
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abc", 0), "");
}

}  // namespace
}  // namespace clew
