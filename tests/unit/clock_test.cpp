#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <climits>
#include <string>
#include <utility>

namespace clew {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, NumbersWithUnits) {
  const std::pair<const char*, Duration> cases[] = {
      {"0", 0s},        {"0s", 0s},
      {"1", 1s},        {"2s", 2s},
      {"1.5s", 1500ms}, {".5s", 500ms},
      {"250ms", 250ms}, {"10us", 10us},
      {"7ns", 7ns},     {"2m", 2min},
      {"2min", 2min},   {"1h", 1h},
      {"0.25h", 15min}, {"1000000000", 1'000'000'000s},
  };
  for (const auto& [text, wanted] : cases) {
    const auto duration = parse_duration(text);
    ASSERT_TRUE(duration.has_value()) << text;
    const Duration difference = *duration > wanted ? *duration - wanted : wanted - *duration;
    EXPECT_LE(difference, 1ns) << text;
  }
}

TEST(ParseDuration, AllElseIsABadRequestThatNamesWhatWasTyped) {
  for (const std::string text :
       {"",    " ",     "s",        "ms", "abc", "-1",         "-0.5s",   "+1",
        " 1s", "1 s",   "1s ",      "1d", "1S",  "1sms",       "1s2ms",   "nan",
        "inf", "1e999", "infinity", ".",  ".s",  "1000000001", "300000h", "1,5s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().code, ErrorCode::bad_request) << text;
    EXPECT_FALSE(duration.error().text.empty());
  }
  EXPECT_NE(parse_duration("abc").error().text.find("\"abc\""), std::string::npos);
  EXPECT_NE(parse_duration("7parsecs").error().text.find("parsecs"), std::string::npos);
}

TEST(FormatDuration, ThreeFiguresInTheUnitThatFits) {
  const std::pair<Duration, const char*> cases[] = {
      {0ns, "0.00 ms"},     {210us, "0.21 ms"},  {1234us, "1.23 ms"}, {12345us, "12.3 ms"},
      {123456us, "123 ms"}, {1s, "1.00 s"},      {1500ms, "1.50 s"},  {42s, "42.0 s"},
      {60s, "1 min 0 s"},   {125s, "2 min 5 s"}, {1h, "1 h 0 min"},   {3h + 7min + 9s, "3 h 7 min"},
  };
  for (const auto& [duration, wanted] : cases) EXPECT_EQ(format_duration(duration), wanted);
}

TEST(ToMilliseconds, KeepsFractions) { EXPECT_DOUBLE_EQ(to_milliseconds(1500us), 1.5); }

TEST(Deadline, NeverAndPassed) {
  EXPECT_FALSE(Deadline().passed());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_FALSE(Deadline::never().at().has_value());
  EXPECT_TRUE(Deadline(Clock::now() - 1ms).passed());
  EXPECT_TRUE(Deadline::after(0s).passed());
  EXPECT_FALSE(Deadline::after(1h).passed());
}

TEST(Deadline, PollTimeout) {
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
  EXPECT_EQ(Deadline::never().poll_timeout(50), 50);
  EXPECT_EQ(Deadline(Clock::now() - 1h).poll_timeout(), 0);
  EXPECT_EQ(Deadline(Clock::now() - 1h).poll_timeout(50), 0);
  EXPECT_EQ(Deadline::after(1h).poll_timeout(50), 50);
  // Rounded up: a sleep must not end before the deadline and spin.
  const int left = Deadline::after(1500us).poll_timeout();
  EXPECT_GE(left, 1);
  EXPECT_LE(left, 2);
  EXPECT_EQ(Deadline::after(900us).poll_timeout(), 1);
  EXPECT_LE(Deadline::after(24h * 365).poll_timeout(), INT_MAX);
  EXPECT_GT(Deadline::after(24h * 365).poll_timeout(), 0);
}

TEST(Deadline, Sooner) {
  const Deadline early = Deadline::after(1s);
  const Deadline late = Deadline::after(2s);
  EXPECT_EQ(early.sooner(late).at(), early.at());
  EXPECT_EQ(late.sooner(early).at(), early.at());
  EXPECT_EQ(Deadline::never().sooner(late).at(), late.at());
  EXPECT_EQ(late.sooner(Deadline::never()).at(), late.at());
  EXPECT_FALSE(Deadline::never().sooner(Deadline::never()).at().has_value());
}

}  // namespace
}  // namespace clew
