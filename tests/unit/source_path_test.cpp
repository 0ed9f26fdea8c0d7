#include "sym/source_path.h"

#include <gtest/gtest.h>

namespace clew::sym {
namespace {

TEST(SourcePath, IsNormal) {
  EXPECT_EQ(normal_path("/a/./b/../c.c"), "/a/c.c");
  EXPECT_EQ(normal_path("a//b/"), "a/b");
  EXPECT_EQ(normal_path("./a.c"), "a.c");
  EXPECT_EQ(normal_path("../a.c"), "../a.c");
  EXPECT_EQ(normal_path("../../a/../b.c"), "../../b.c");
  EXPECT_EQ(normal_path("/../a.c"), "/a.c");
  EXPECT_EQ(normal_path("a/.."), "");
  EXPECT_EQ(normal_path("/"), "/");
  EXPECT_EQ(normal_path(""), "");
}

TEST(SourcePath, EndsWithWholeParts) {
  EXPECT_TRUE(path_ends_with("/home/src/a.c", "a.c"));
  EXPECT_TRUE(path_ends_with("/home/src/a.c", "src/a.c"));
  EXPECT_TRUE(path_ends_with("/home/src/a.c", "/home/src/a.c"));
  EXPECT_FALSE(path_ends_with("/home/src/a.c", "c/a.c"));
  EXPECT_FALSE(path_ends_with("/home/mysrc/a.c", "src/a.c"));
  EXPECT_FALSE(path_ends_with("/home/src/a.c", "/src/b.c"));
  EXPECT_FALSE(path_ends_with("a.c", "src/a.c"));
  EXPECT_FALSE(path_ends_with("a.c", ""));
}

TEST(SourcePath, HasALastPart) {
  EXPECT_EQ(last_part("/a/b.c"), "b.c");
  EXPECT_EQ(last_part("b.c"), "b.c");
  EXPECT_EQ(last_part("/a/"), "");
}

}  // namespace
}  // namespace clew::sym
