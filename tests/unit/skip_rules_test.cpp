#include "session/skip_rules.h"

#include <gtest/gtest.h>

namespace clew {
namespace {

using Kind = SkipRules::Kind;

TEST(SkipRules, AFunctionIsMeantByItsNameWithAndWithoutScopes) {
  SkipRules rules;
  ASSERT_EQ(rules.add(Kind::function, "get").value_or(0), 1U);
  EXPECT_TRUE(rules.is_skipped("get", ""));
  EXPECT_TRUE(rules.is_skipped("ns::get(int)", ""));
  EXPECT_TRUE(rules.is_skipped("ns::get<int>(char)", ""));
  EXPECT_TRUE(rules.is_skipped("main.get", ""));
  EXPECT_FALSE(rules.is_skipped("forget", ""));
  EXPECT_FALSE(rules.is_skipped("get_all", ""));
}

TEST(SkipRules, AFileIsMeantByTheEndOfItsPath) {
  SkipRules rules;
  ASSERT_TRUE(rules.add(Kind::file, "vec.h"));
  EXPECT_TRUE(rules.is_skipped("f", "/usr/include/vec.h"));
  EXPECT_TRUE(rules.is_skipped("f", "vec.h"));
  EXPECT_FALSE(rules.is_skipped("f", "/usr/include/myvec.h"));
}

TEST(SkipRules, ARegularExpressionAndItsEnd) {
  SkipRules rules;
  ASSERT_EQ(rules.add(Kind::expression, "^std::").value_or(0), 1U);
  EXPECT_EQ(rules.add(Kind::expression, "(").error().code, ErrorCode::bad_request);
  EXPECT_TRUE(rules.is_skipped("std::move<int>(int&)", ""));
  EXPECT_FALSE(rules.is_skipped("mystd::move", ""));
  ASSERT_TRUE(rules.remove(1));
  EXPECT_FALSE(rules.is_skipped("std::move", ""));
  EXPECT_EQ(rules.remove(1).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace clew
