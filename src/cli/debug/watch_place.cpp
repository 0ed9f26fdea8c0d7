#include "cli/debug/watch_place.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/printable.h"
#include "cli/debug/debugger.h"
#include "cli/debug/settings.h"

namespace clew::cli {
namespace {

constexpr uint64_t word_size = 8;
/// As many bytes as the processor's four watchpoints can look after.
constexpr uint64_t most_watched = 32;

std::string show_bytes(Bytes bytes) {
  if (bytes.size() <= word_size) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    return fmt::format("{:#x}", word);
  }
  std::string text;
  for (const std::byte byte : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
  return text;
}

/// Takes "-s SIZE" from the front of `text`.
Result<uint64_t> take_size(std::string& text) {
  const auto [option, rest] = split_first_word(text);
  if (option != "-s") return word_size;
  const auto [number, left] = split_first_word(rest);
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), size);
  const bool good = error == std::errc() && end == number.data() + number.size();
  if (!good || size == 0 || size > most_watched) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no size: 1 to {} bytes", printable(number), most_watched));
  }
  text = left;
  return size;
}

}  // namespace

Result<WatchPlace> find_watch_place(Debugger& debugger, const std::string& text) {
  std::string rest = text;
  const auto size = take_size(rest);
  if (!size) return tl::unexpected(size.error());
  if (!rest.starts_with('*')) {
    return fail(ErrorCode::bad_request, "watch what? `watch *ADDRESS`, `watch -s SIZE *ADDRESS`");
  }
  const auto address = debugger.evaluate(std::string_view(rest).substr(1));
  if (!address) return tl::unexpected(address.error());
  WatchPlace place;
  place.address = {*address};
  place.size = *size;
  place.show = show_bytes;
  return place;
}

}  // namespace clew::cli
