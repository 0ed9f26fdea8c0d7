#include "cli/debug/watch_place.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "base/printable.h"
#include "cli/debug/debugger.h"
#include "cli/debug/settings.h"
#include "lang/expression.h"
#include "session/reach_step.h"

namespace clew::cli {
namespace {

/// As many bytes as the processor's four watchpoints can look after.
constexpr uint64_t most_watched = 32;

std::string show_bytes(Bytes bytes) {
  uint64_t word = 0;
  if (bytes.size() <= sizeof word) {
    std::memcpy(&word, bytes.data(), bytes.size());
    return fmt::format("{:#x}", word);
  }
  std::string text;
  for (const std::byte byte : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
  return text;
}

/// "-s SIZE *ADDRESS".
Result<WatchPlace> bytes_at(Debugger& debugger, const std::string& text) {
  const auto [number, rest] = split_first_word(text);
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), size);
  const bool good = error == std::errc() && end == number.data() + number.size();
  if (!good || size == 0 || size > most_watched) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is no size: 1 to {} bytes", printable(number), most_watched));
  }
  if (!rest.starts_with('*'))
    return fail(ErrorCode::bad_request, "watch which bytes? `watch -s SIZE *ADDRESS`");
  const auto address = debugger.evaluate(std::string_view(rest).substr(1));
  if (!address) return tl::unexpected(address.error());
  WatchPlace place;
  place.address = {*address};
  place.size = size;
  place.show = show_bytes;
  return place;
}

/// Where the selected frame ends, when the place is in its part of the stack.
std::optional<WatchPlace::Scope> scope_of(Debugger& debugger, Addr address) {
  const auto session = debugger.session();
  const auto thread = session ? (*session)->selected() : tl::unexpected(session.error());
  if (!thread) return std::nullopt;
  const auto frame = debugger.stacks().selected();
  if (!frame) return std::nullopt;
  const arch::Arch& arch = (*session)->inferior().arch();
  const auto sp = frame->raw->registers.word(static_cast<unsigned>(arch.find("sp")->dwarf));
  if (!sp || address.value < *sp || address.value >= frame->raw->cfa.value) return std::nullopt;
  const auto back = return_target(frame->stack->raw, frame->frame->physical);
  if (!back || !back->sp) return std::nullopt;
  return WatchPlace::Scope{*thread, back->address, *back->sp};
}

}  // namespace

Result<WatchPlace> find_watch_place(Debugger& debugger, const std::string& text) {
  const auto [option, rest] = split_first_word(text);
  if (option == "-s") return bytes_at(debugger, rest);
  ValueScope scope = debugger.value_scope();
  const auto value = lang::evaluate(option == "-l" ? rest : text, scope);
  if (!value) {
    // An address without a type is a word.
    if (text.starts_with('*')) {
      if (auto word = bytes_at(debugger, "8 " + text)) return word;
    }
    return tl::unexpected(value.error());
  }
  const auto address = value->address();
  if (!address) {
    return fail(ErrorCode::bad_request,
                fmt::format("{} cannot be watched: it is {}", printable(text), value->where()));
  }
  if (value->size() == 0 || value->size() > most_watched) {
    return fail(ErrorCode::bad_request,
                fmt::format("{} has {} bytes: the processor watches up to {}", printable(text),
                            value->size(), most_watched));
  }
  WatchPlace place;
  place.address = *address;
  place.size = value->size();
  place.scope = scope_of(debugger, *address);
  place.show = [&debugger, type = value->type()](Bytes bytes) {
    ValueScope shown = debugger.value_scope();
    const auto now = value::Value::of_bytes(shown.target(), type, {bytes.begin(), bytes.end()});
    return value_text(now, shown.printers(), debugger.view.options);
  };
  return place;
}

}  // namespace clew::cli
