#include "session/source_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "view/source_listing.h"

namespace clew {
namespace {

namespace fs = std::filesystem;

class SourceFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "clew-source-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ / "tree" / "src" / "deep");
    write("tree/src/deep/a.c", "one\ntwo\r\n\nfour");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::binary) << text;
  }

  fs::path root_;
  SourceFiles files_;
};

TEST_F(SourceFilesTest, HaveLines) {
  const auto text = files_.open(root_ / "tree/src/deep/a.c");
  ASSERT_TRUE(text);
  EXPECT_EQ((*text)->line_count(), 4U);
  EXPECT_EQ((*text)->line(1), "one");
  EXPECT_EQ((*text)->line(2), "two");
  EXPECT_EQ((*text)->line(3), "");
  EXPECT_EQ((*text)->line(4), "four");
  EXPECT_EQ((*text)->line(0), "");
  EXPECT_EQ((*text)->line(5), "");
  write("empty", "");
  EXPECT_EQ((*files_.open(root_ / "empty"))->line_count(), 0U);
}

TEST_F(SourceFilesTest, AreFoundBySubstitution) {
  EXPECT_EQ(files_.open("/build/src/deep/a.c").error().code, ErrorCode::not_found);
  files_.substitute("/build", root_ / "tree");
  EXPECT_TRUE(files_.open("/build/src/deep/a.c"));
  // Whole parts of the path.
  EXPECT_FALSE(files_.open("/builder/src/deep/a.c"));
  files_.substitute("/build", "/elsewhere");
  EXPECT_FALSE(files_.open("/build/src/deep/a.c"));
  EXPECT_EQ(files_.substitutions().size(), 1U);
  EXPECT_TRUE(files_.forget_substitution("/build"));
  EXPECT_EQ(files_.forget_substitution("/build").error().code, ErrorCode::not_found);
}

TEST_F(SourceFilesTest, AreFoundInDirectoriesByWhatIsLeftOfTheirPath) {
  files_.set_directories({"/no/such/folder", root_ / "tree"});
  const auto text = files_.open("/home/somebody/project/src/deep/a.c");
  ASSERT_TRUE(text);
  EXPECT_EQ((*text)->path(), (root_ / "tree/src/deep/a.c").string());
  files_.set_directories({});
  EXPECT_FALSE(files_.open("/home/somebody/project/src/deep/a.c"));
}

TEST_F(SourceFilesTest, MustBeFiles) {
  EXPECT_EQ(files_.open(root_ / "tree").error().code, ErrorCode::bad_data);
  ASSERT_EQ(mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(files_.open(root_ / "pipe").error().code, ErrorCode::bad_data);
}

TEST_F(SourceFilesTest, AreShownFitForATerminal) {
  write("b.c", "\tint x;\n\x1b[31mred\nlast\n");
  const auto text = files_.open(root_ / "b.c");
  ASSERT_TRUE(text);
  EXPECT_EQ(render_source(**text, 1, 99, 3, Style()),
            "      1          int x;\n      2  \\x1b[31mred\n=>    3  last\n");
  EXPECT_EQ(render_source(**text, 3, 3, std::nullopt, Style()), "      3  last\n");
  EXPECT_EQ(render_source(**text, 4, 9, std::nullopt, Style()), "");
  EXPECT_EQ(printable_source("a\tb\t\tc"), "a       b               c");
}

}  // namespace
}  // namespace clew
