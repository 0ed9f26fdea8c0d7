#include "os/shell_words.h"

#include <gtest/gtest.h>

#include "os/command_line.h"

namespace clew::os {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view line) {
  const auto words = split_shell_words(line);
  EXPECT_TRUE(words) << line;
  return words.value_or(Words{});
}

TEST(ShellWords, AreSplitAtBlanks) {
  EXPECT_EQ(split(""), Words{});
  EXPECT_EQ(split(" \t "), Words{});
  EXPECT_EQ(split("  a  b\tc "), (Words{"a", "b", "c"}));
}

TEST(ShellWords, QuotesKeepThemTogether) {
  EXPECT_EQ(split("'a b' \"c d\" e' 'f"), (Words{"a b", "c d", "e f"}));
  EXPECT_EQ(split("'' \"\""), (Words{"", ""}));
  EXPECT_EQ(split(R"('a\b' "a\b" "a\"b" "a\\b" "\$x" a\ b)"),
            (Words{R"(a\b)", R"(a\b)", R"(a"b)", R"(a\b)", "$x", "a b"}));
}

TEST(ShellWords, NothingIsExpanded) {
  EXPECT_EQ(split("$HOME *.c >out | a;b & ~"),
            (Words{"$HOME", "*.c", ">out", "|", "a;b", "&", "~"}));
}

TEST(ShellWords, EscapedBytesAreRead) {
  EXPECT_EQ(split(R"($'a\nb' $'\033\101\0' $'\'')"),
            (Words{"a\nb", std::string("\033A\0", 3), "'"}));
}

TEST(ShellWords, WhatIsNotCompleteIsRefused) {
  for (const char* line : {"'a", "\"a", "\"a\\", "$'a", "$'a\\", "a\\"}) {
    const auto words = split_shell_words(line);
    ASSERT_FALSE(words) << line;
    EXPECT_EQ(words.error().code, ErrorCode::bad_request);
  }
}

TEST(ShellWords, WhatShellQuotedWritesIsReadBack) {
  const Words all = {"plain",
                     "",
                     "two words",
                     "it's",
                     "\"",
                     "\\",
                     "$HOME",
                     "a\nb",
                     "\x1b[31m",
                     "\xff\xfe",
                     "ä",
                     "-x",
                     "*",
                     "'\\''",
                     "\x7f"
                     "7"};
  EXPECT_EQ(split(shell_quoted(all)), all);
}

}  // namespace
}  // namespace clew::os
