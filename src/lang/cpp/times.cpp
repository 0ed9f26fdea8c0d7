// std::chrono: durations with their units, and points in time.

#include <cmath>
#include <ctime>

#include "lang/cpp/families.h"
#include "lang/cpp/names.h"
#include "value/scalar_format.h"

namespace clew::lang::cpp {
namespace {

struct Ratio {
  int64_t numerator = 1, denominator = 1;
};

/// Of a std::ratio<numerator, denominator>.
std::optional<Ratio> ratio_of(const Type* type) {
  if (type == nullptr) return std::nullopt;
  const auto arguments = type->stripped()->template_arguments();
  if (arguments.size() != 2 || !arguments[0].value || !arguments[1].value) return std::nullopt;
  const Ratio ratio{*arguments[0].value, *arguments[1].value};
  if (ratio.numerator <= 0 || ratio.denominator <= 0) return std::nullopt;
  return ratio;
}

std::string unit_of(const Ratio& ratio) {
  struct Unit {
    int64_t numerator, denominator;
    std::string_view suffix;
  };
  constexpr Unit units[] = {
      {1, 1'000'000'000, "ns"}, {1, 1'000'000, "us"}, {1, 1000, "ms"}, {1, 1, "s"},
      {60, 1, "min"},           {3600, 1, "h"},       {86400, 1, "d"}};
  for (const Unit& unit : units) {
    if (unit.numerator == ratio.numerator && unit.denominator == ratio.denominator)
      return std::string(unit.suffix);
  }
  return ratio.denominator == 1 ? fmt::format("[{}]s", ratio.numerator)
                                : fmt::format("[{}/{}]s", ratio.numerator, ratio.denominator);
}

struct Duration {
  Field count;
  Ratio ratio;

  static std::optional<Duration> find(const Type* type) {
    const auto count = find_any_field(type, {{"__r"}, {"__rep_"}});
    const auto ratio = ratio_of(type->template_type(1));
    if (!count || !ratio || !count->type->is_scalar()) return std::nullopt;
    return Duration{*count, *ratio};
  }

  Result<std::string> text(const Value& value) const {
    const auto bytes = count.of(value).bytes();
    if (!bytes) return tl::unexpected(bytes.error());
    return value::format_scalar(count.type->stripped(), *bytes, value::Format::natural) +
           unit_of(ratio);
  }
};

/// Seconds and a fraction since 1970 as a date. @return nothing outside of the years 1 to 9999.
std::optional<std::string> date_of(long double seconds, int digits) {
  constexpr long double first = -62135596800.0L, last = 253402300799.0L;
  if (!(seconds >= first && seconds <= last)) return std::nullopt;
  const long double whole = std::floor(seconds);
  const auto time = static_cast<std::time_t>(whole);
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return std::nullopt;
  std::string text =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (digits > 0)
    text += fmt::format("{:.{}f}", static_cast<double>(seconds - whole), digits).substr(1);
  return text;
}

}  // namespace

std::unique_ptr<Printer> make_duration(const Type* type, std::string_view) {
  const auto duration = Duration::find(type);
  if (!duration) return nullptr;
  return make_printer([duration = *duration](const Value& value) -> Result<Presentation> {
    auto text = duration.text(value);
    if (!text) return tl::unexpected(text.error());
    return present_summary(std::move(*text));
  });
}

std::unique_ptr<Printer> make_time_point(const Type* type, std::string_view) {
  const Type* const clock = type->template_type(0);
  const auto since = find_any_field(type, {{"__d"}, {"__d_"}});
  if (clock == nullptr || !since) return nullptr;
  const auto duration = Duration::find(since->type->stripped());
  if (!duration) return nullptr;
  const std::string clock_name(clock->stripped()->base_name());
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const Value inner = since->of(value);
    const auto text = duration->text(inner);
    if (!text) return tl::unexpected(text.error());
    const std::string plain = fmt::format("{} {}", clock_name, *text);
    const auto count = duration->count.of(inner).as_floating();
    if (clock_name != "system_clock" || !count) return present_summary(plain);
    const auto seconds = *count * static_cast<long double>(duration->ratio.numerator) /
                         static_cast<long double>(duration->ratio.denominator);
    const auto date = date_of(seconds, 0);
    return present_summary(date ? fmt::format("{} [{} UTC]", plain, *date) : plain);
  });
}

}  // namespace clew::lang::cpp
