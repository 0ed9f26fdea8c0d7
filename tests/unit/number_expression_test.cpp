#include "session/number_expression.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

Result<uint64_t> registers(std::string_view name) {
  if (name == "rsp") return 0x7000;
  if (name == "r8") return 3;
  return fail(ErrorCode::bad_request, "no such register");
}

uint64_t value(std::string_view text) {
  const auto result = evaluate_number(text, registers);
  EXPECT_TRUE(result) << text << ": " << (result ? "" : result.error().text);
  return result.value_or(0xDEAD);
}

TEST(NumberExpression, ReadsNumbersInEveryBase) {
  EXPECT_EQ(value("10"), 10U);
  EXPECT_EQ(value("0x1F"), 0x1FU);
  EXPECT_EQ(value("0b101"), 5U);
  EXPECT_EQ(value("017"), 15U);
  EXPECT_EQ(value("0"), 0U);
  EXPECT_EQ(value("'A'"), 65U);
  EXPECT_EQ(value("18446744073709551615"), ~uint64_t{0});
}

TEST(NumberExpression, KnowsPrecedenceAndParentheses) {
  EXPECT_EQ(value("2+3*4"), 14U);
  EXPECT_EQ(value("(2+3)*4"), 20U);
  EXPECT_EQ(value("10-3-2"), 5U);
  EXPECT_EQ(value("1<<4|1"), 17U);
  EXPECT_EQ(value("0xff&0x0f^1"), 14U);
  EXPECT_EQ(value("17%5"), 2U);
  EXPECT_EQ(value("-1"), ~uint64_t{0});
  EXPECT_EQ(value("~0"), ~uint64_t{0});
  EXPECT_EQ(value("1<<64"), 0U);
}

TEST(NumberExpression, ComparesAndDecides) {
  EXPECT_EQ(value("$r8 == $r8"), 1U);
  EXPECT_EQ(value("1 != 1"), 0U);
  EXPECT_EQ(value("-1 < 0"), 1U) << "registers are signed, as in C";
  EXPECT_EQ(value("2 <= 1 || 3 >= 3"), 1U);
  EXPECT_EQ(value("2 > 1 && 1 > 2"), 0U);
  EXPECT_EQ(value("1 | 2 == 2"), 1U) << "== before |, as in C";
  EXPECT_EQ(value("1 << 2 < 5"), 1U);
  EXPECT_EQ(value("!0 + !7"), 1U);
}

TEST(NumberExpression, ReadsRegisters) {
  EXPECT_EQ(value("$rsp+8*$r8"), 0x7018U);
  EXPECT_EQ(value(" $rsp - 0x10 "), 0x6FF0U);
  EXPECT_FALSE(evaluate_number("$nosuch", registers));
}

TEST(NumberExpression, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"", " ", "0x", "1+", "(1", "1)", "12abc", "$", "a", "1 2", "08", "''",
                           "1//2", "\x1b[31m"}) {
    const auto result = evaluate_number(text, registers);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::bad_request) << text;
    EXPECT_EQ(result.error().text.find('\x1b'), std::string::npos);
  }
  EXPECT_FALSE(evaluate_number("1/0", registers));
  EXPECT_FALSE(evaluate_number("1%0", registers));
  EXPECT_FALSE(evaluate_number("18446744073709551616", registers));
}

TEST(NumberExpression, IsBoundedInDepth) {
  EXPECT_FALSE(evaluate_number(std::string(100000, '('), registers));
  EXPECT_FALSE(evaluate_number(std::string(100000, '-') + "1", registers));
}

}  // namespace
}  // namespace clew
