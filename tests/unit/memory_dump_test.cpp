#include "view/memory_dump.h"

#include <gtest/gtest.h>

#include <array>

namespace clew {
namespace {

MemoryFormat format_of(std::string_view text, const MemoryFormat& defaults = {}) {
  const auto format = parse_memory_format(text, defaults);
  EXPECT_TRUE(format) << text;
  return format.value_or(MemoryFormat{});
}

TEST(MemoryFormat, ReadsCountLetterAndSize) {
  const MemoryFormat format = format_of("12dw");
  EXPECT_EQ(format.count, 12U);
  EXPECT_EQ(format.letter, 'd');
  EXPECT_EQ(format.size, 4U);
}

TEST(MemoryFormat, TakesWhatIsMissingFromTheLastOne) {
  const MemoryFormat last{7, 'u', 2};
  const MemoryFormat format = format_of("", last);
  EXPECT_EQ(format.count, 1U) << "a count is never taken over";
  EXPECT_EQ(format.letter, 'u');
  EXPECT_EQ(format.size, 2U);
}

TEST(MemoryFormat, LettersHaveTheirOwnSizes) {
  EXPECT_EQ(format_of("c").size, 1U);
  EXPECT_EQ(format_of("a", {1, 'x', 2}).size, 8U);
  EXPECT_EQ(format_of("hc").size, 2U);
}

TEST(MemoryFormat, RefusesNonsense) {
  for (const char* text : {"0x", "q", "99999999999999999999x", "4y", "-1x"}) {
    EXPECT_FALSE(parse_memory_format(text, {})) << text;
  }
  EXPECT_FALSE(parse_memory_format("hf", {})) << "there is no such number in C";
}

TEST(MemoryFormat, TakesFloatingPointAndInstructions) {
  EXPECT_EQ(format_of("3i").letter, 'i');
  EXPECT_EQ(format_of("3i").count, 3U);
  EXPECT_EQ(format_of("wf").size, 4U);
  EXPECT_EQ(format_of("f", {1, 'x', 4}).size, 4U) << "the last size, if a number can have it";
  EXPECT_EQ(format_of("f", {1, 'x', 1}).size, 8U);
}

TEST(MemoryDump, ShowsUnitsInLinesOfSixteenBytes) {
  std::array<std::byte, 24> bytes{};
  bytes[0] = std::byte{0x34};
  bytes[1] = std::byte{0x12};
  bytes[16] = std::byte{0xFF};
  EXPECT_EQ(render_memory({0x1000}, bytes, format_of("3xg"), Style()),
            "0x0000000000001000:  0x0000000000001234  0x0000000000000000\n"
            "0x0000000000001010:  0x00000000000000ff\n");
}

TEST(MemoryDump, FloatingPoint) {
  const double number = 3.25;
  const float small[] = {0.1F, -2};
  EXPECT_EQ(render_memory({0}, std::as_bytes(std::span(&number, 1)), format_of("f"), Style()),
            "0x0000000000000000:  3.25\n");
  EXPECT_EQ(render_memory({0}, std::as_bytes(std::span(small)), format_of("2fw"), Style()),
            "0x0000000000000000:  0.1   -2\n");
}

TEST(MemoryDump, SignsAndCharacters) {
  const std::array<std::byte, 2> bytes{std::byte{0xFF}, std::byte{0x1B}};
  EXPECT_EQ(render_memory({0}, bytes, format_of("2db"), Style()), "0x0000000000000000:  -1  27\n");
  EXPECT_EQ(render_memory({0}, bytes, format_of("2ub"), Style()),
            "0x0000000000000000:  255   27\n");
  const std::string characters = render_memory({0}, bytes, format_of("2c"), Style());
  EXPECT_EQ(characters.find('\x1b'), std::string::npos)
      << "nothing of the target's reaches the terminal";
  EXPECT_NE(characters.find("27 '\\x1b'"), std::string::npos) << characters;
}

}  // namespace
}  // namespace clew
