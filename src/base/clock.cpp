#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/printable.h"

namespace clew {

Result<Duration> parse_duration(std::string_view text) {
  static constexpr std::string_view usage =
      "a duration is a number and a unit: 250ms, 1.5s, 2m, 1h";
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  const bool digit_first =
      !text.empty() && (text.front() == '.' || (text.front() >= '0' && text.front() <= '9'));
  if (error != std::errc() || !digit_first) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is not a duration: {}", printable(text), usage));
  }
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  double seconds = 0;
  if (unit.empty() || unit == "s") {
    seconds = number;
  } else if (unit == "ms") {
    seconds = number * 1e-3;
  } else if (unit == "us") {
    seconds = number * 1e-6;
  } else if (unit == "ns") {
    seconds = number * 1e-9;
  } else if (unit == "m" || unit == "min") {
    seconds = number * 60;
  } else if (unit == "h") {
    seconds = number * 3600;
  } else {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is not a unit of time: {}", printable(unit), usage));
  }
  if (seconds > 1e9)
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is too long: at most 1e9s", printable(text)));
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// Three significant figures; the caller sees to it that the number does not round up to a
/// thousand.
static std::string three_figures(double number, std::string_view unit) {
  const int decimals = number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", number, decimals, unit);
}

std::string format_duration(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 0.9995) return three_figures(seconds * 1e3, "ms");
  if (seconds < 59.95) return three_figures(seconds, "s");
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

int Deadline::poll_timeout(int most) const {
  if (!at_) return most;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*at_ - Clock::now()).count();
  const int ms = int(std::clamp<long long>(left, 0, 1'000'000'000));
  return most < 0 ? ms : std::min(ms, most);
}

Deadline Deadline::sooner(const Deadline& other) const {
  if (!at_) return other;
  if (!other.at_) return *this;
  return *at_ <= *other.at_ ? *this : other;
}

}  // namespace clew
