// time.Time and time.Duration, as their String methods write them.

#include <ctime>

#include "base/printable.h"
#include "lang/go/families.h"

namespace clew::go {
namespace {

// Package time counts from the years 1 and 1885 on.
constexpr int64_t seconds_from_1_to_1970 = 62'135'596'800;
constexpr int64_t seconds_from_1_to_1885 = 59'453'308'800;
constexpr int64_t nanoseconds = 1'000'000'000;

/// A number of units with a fraction and no zeros behind it.
std::string with_fraction(uint64_t number, uint64_t unit) {
  std::string text = std::to_string(number / unit);
  if (number % unit == 0) return text;
  std::string fraction;
  for (uint64_t rest = number % unit, place = unit / 10; place != 0; place /= 10) {
    fraction += static_cast<char>('0' + rest / place);
    rest %= place;
  }
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return text + "." + fraction;
}

std::string duration_text(int64_t count) {
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  const uint64_t all =
      count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  if (all < 1000) return fmt::format("{}{}ns", sign, all);
  if (all < 1'000'000) return sign + with_fraction(all, 1000) + "\u00b5s";
  if (all < nanoseconds) return sign + with_fraction(all, 1'000'000) + "ms";
  const uint64_t seconds = all / nanoseconds;
  std::string text = sign;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds >= 60) text += fmt::format("{}m", seconds / 60 % 60);
  return text + with_fraction(all % (60 * uint64_t{nanoseconds}), nanoseconds) + "s";
}

/// A zone of a time.Location at one moment.
struct Zone {
  std::string name;
  int64_t offset = 0;  ///< in seconds, to the east
};

/// A short text of the target's.
Result<std::string> text_of(const Value& string) {
  constexpr uint64_t longest = 64;
  const auto start = string.member("str");
  const auto length = string.member("len");
  if (!start || !length) return tl::unexpected((!start ? start : length).error());
  const auto from = start->as_address();
  const auto count = length->as_unsigned();
  if (!from) return tl::unexpected(from.error());
  if (!count || *count > longest) return corrupt("a name that is too long");
  std::string text(*count, '\0');
  if (auto read =
          string.target().memory().read_exactly(*from, std::as_writable_bytes(std::span(text)));
      !read) {
    return tl::unexpected(read.error());
  }
  return text;
}

Result<int64_t> number_in(const Value& object, std::string_view name) {
  const auto member = object.member(name);
  return member ? member->as_signed() : tl::unexpected(member.error());
}

Result<Zone> zone_of(const Value& zone) {
  const auto name = zone.member("name");
  const auto text = name ? text_of(*name) : tl::unexpected(name.error());
  const auto offset = number_in(zone, "offset");
  if (!text) return tl::unexpected(text.error());
  if (!offset) return tl::unexpected(offset.error());
  return Zone{*text, *offset};
}

/// The n-th element of a slice. @return not_found behind its end.
Result<Value> element_of(const Value& slice, uint64_t index) {
  auto array = slice.member("array");
  const auto length = number_in(slice, "len");
  if (!array) return array;
  if (!length || static_cast<int64_t>(index) >= *length)
    return fail(ErrorCode::not_found, "there is no such element");
  return array->element(static_cast<int64_t>(index));
}

/// Which zone a location has at a second since 1970; nothing where only its rule for years to come
/// would tell (time.Location.lookup).
std::optional<Zone> lookup(const Value& location, int64_t second) {
  const auto start = number_in(location, "cacheStart");
  const auto end = number_in(location, "cacheEnd");
  const auto cached = location.member("cacheZone");
  const auto pointer = cached ? cached->as_unsigned() : tl::unexpected(cached.error());
  if (start && end && pointer && *pointer != 0 && *start <= second && second < *end) {
    const auto zone = cached->dereference();
    const auto known = zone ? zone_of(*zone) : tl::unexpected(zone.error());
    return known ? std::optional(*known) : std::nullopt;
  }
  const auto zones = location.member("zone");
  const auto changes = location.member("tx");
  if (!zones || !changes) return std::nullopt;
  const auto count = number_in(*changes, "len");
  constexpr int64_t most_changes = 10'000;
  if (!count || *count < 0 || *count > most_changes) return std::nullopt;
  int64_t index = 0;
  if (*count != 0) {
    int64_t low = 0;
    int64_t high = *count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      const auto change = element_of(*changes, static_cast<uint64_t>(middle));
      const auto when = change ? number_in(*change, "when") : tl::unexpected(change.error());
      if (!when) return std::nullopt;
      if (*when <= second) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const auto extend = location.member("extend");
    const auto rule = extend ? number_in(*extend, "len") : Result<int64_t>(0);
    if (low == 0 || (low == *count && rule && *rule != 0)) return std::nullopt;
    const auto change = element_of(*changes, static_cast<uint64_t>(low - 1));
    const auto number = change ? number_in(*change, "index") : tl::unexpected(change.error());
    if (!number) return std::nullopt;
    index = *number & 0xff;
  }
  const auto zone = element_of(*zones, static_cast<uint64_t>(index));
  const auto known = zone ? zone_of(*zone) : tl::unexpected(zone.error());
  return known ? std::optional(*known) : std::nullopt;
}

std::string date_text(int64_t second, int64_t fraction, int64_t offset) {
  const std::time_t time = second + offset;
  std::tm parts{};
  if (::gmtime_r(&time, &parts) == nullptr) return fmt::format("{} s from 1970 on", second);
  std::string text =
      fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900LL, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (fraction != 0) text += with_fraction(static_cast<uint64_t>(fraction), nanoseconds).substr(1);
  const int64_t minutes = (offset < 0 ? -offset : offset) / 60;
  return text + fmt::format(" {}{:02}{:02}", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

std::unique_ptr<Printer> make_duration(const Type* type) {
  if (type->kind() != value::TypeKind::integer) return nullptr;
  return make_printer([](const Value& value) -> Result<Presentation> {
    const auto count = value.as_signed();
    if (!count) return tl::unexpected(count.error());
    return lang::present_summary(duration_text(*count));
  });
}

std::unique_ptr<Printer> make_time(const Type* type) {
  const auto wall = find_field(type, {"wall"});
  const auto ext = find_field(type, {"ext"});
  const auto location = find_field(type, {"loc"});
  if (!wall || !ext || !location || !location->type->is_pointer()) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto bits = wall->number(value);
    const auto more = ext->number(value);
    const auto where = location->number(value);
    for (const auto* const field : {&bits, &more, &where})
      if (!*field) return tl::unexpected(field->error());
    // With a reading of the monotonic clock the seconds are in the 33 bits behind the first one.
    const bool has_monotonic = *bits >> 63 != 0;
    const auto signed_more = static_cast<int64_t>(*more);
    const int64_t second =
        has_monotonic ? static_cast<int64_t>(*bits << 1 >> 31) + seconds_from_1_to_1885 -
                            seconds_from_1_to_1970
                      : static_cast<int64_t>(*more - static_cast<uint64_t>(seconds_from_1_to_1970));
    const auto fraction = static_cast<int64_t>(*bits & 0x3fff'ffff);
    if (fraction >= nanoseconds) return corrupt("a time with {} ns is impossible", fraction);
    std::string text;
    if (*where == 0) {
      text = date_text(second, fraction, 0) + " UTC";
    } else {
      const auto place = location->of(value).dereference();
      const auto name = place ? place->member("name") : place;
      const auto title = name ? text_of(*name) : tl::unexpected(name.error());
      const auto zone = place ? lookup(*place, second) : std::nullopt;
      if (zone) {
        text = date_text(second, fraction, zone->offset) + " " + zone->name;
      } else {
        // Local time that nobody has asked for yet is not loaded, and years to come have rules.
        text = date_text(second, fraction, 0) + " UTC";
        if (title && !title->empty()) text += " (location " + *title + ")";
        if (!title) text += " (location <" + title.error().text + ">)";
      }
    }
    if (has_monotonic) {
      const uint64_t distance = signed_more < 0 ? uint64_t{0} - *more : *more;
      text +=
          fmt::format(" m={}{}", signed_more < 0 ? '-' : '+', with_fraction(distance, nanoseconds));
    }
    return lang::present_summary(text);
  });
}

}  // namespace clew::go
