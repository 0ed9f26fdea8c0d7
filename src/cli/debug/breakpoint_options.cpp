// Who may hit a breakpoint, and what that stops, as it is typed.

#include "cli/debug/breakpoint_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/printable.h"
#include "cli/debug/breakpoint_list.h"
#include "cli/debug/number_words.h"
#include "cli/debug/typed_line.h"

namespace clew::cli {
namespace {

/// The goroutine that "--goroutine VALUE" means; nothing for any. One that does not exist yet is as
/// good as one that does.
Result<std::optional<uint64_t>> chosen_goroutine(Debugger& debugger, const std::string& value) {
  if (value == "any") return std::nullopt;
  HeldGoroutines& goroutines = debugger.goroutines();
  if (const auto runtime = goroutines.runtime(); !runtime) return tl::unexpected(runtime.error());
  if (value != "current") {
    const auto number = whole_number<uint64_t>(value);
    if (number && *number != 0) return number;
    return fail(ErrorCode::bad_request, "--goroutine takes a goroutine's number, current or any");
  }
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  if (const auto goroutine = debugger.current_goroutine()) return goroutine;
  const auto thread = (*session)->selected();
  if (!thread) return tl::unexpected(thread.error());
  return fail(ErrorCode::not_found,
              fmt::format("thread {} (tid {}) runs no goroutine: `goroutine N` selects one",
                          thread->number, thread->tid));
}

/// One "--name value" of a breakpoint. @return bad_request.
Status take_option(Debugger& debugger, Session& session, const std::string& name, std::string& rest,
                   BreakpointRequest& request) {
  constexpr std::string_view names[] = {"--thread", "--thread-name", "--goroutine", "--after",
                                        "--stop"};
  if (std::find(std::begin(names), std::end(names), name) == std::end(names)) {
    return fail(ErrorCode::bad_request,
                fmt::format("there is no option {}: {}", printable(name), fmt::join(names, ", ")));
  }
  const std::string value = take_word(rest);
  if (value.empty())
    return fail(ErrorCode::bad_request, fmt::format("{} needs a value", printable(name)));
  if (name == "--thread") {
    if (value == "any") {
      request.thread.reset();
      return {};
    }
    if (value == "current") {
      const auto selected = session.selected();
      if (!selected) return tl::unexpected(selected.error());
      request.thread = selected->number;
      return {};
    }
    const auto number = whole_number<uint32_t>(value);
    const auto found = number
                           ? session.find_thread(*number)
                           : Result<ThreadId>(fail(ErrorCode::bad_request,
                                                   "--thread takes clew's number, current or any"));
    if (!found) return tl::unexpected(found.error());
    request.thread = found->number;
    return {};
  }
  if (name == "--thread-name") {
    request.thread_name = value == "any" ? "" : value;
    return {};
  }
  if (name == "--goroutine") {
    auto goroutine = chosen_goroutine(debugger, value);
    if (!goroutine) return tl::unexpected(goroutine.error());
    request.goroutine = *goroutine;
    return {};
  }
  if (name == "--after") {
    const auto number = breakpoint_number(session, value);
    if (!number) return tl::unexpected(number.error());
    request.after = *number;
    return {};
  }
  request.stop = parse_stop_policy(value);
  if (request.stop) return {};
  return fail(ErrorCode::bad_request, "--stop takes all, thread or none");
}

/// Where the next option begins in `text`, outside of quotes; npos when there is none.
size_t find_option(std::string_view text) {
  char quote = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if ((at == 0 || text[at - 1] == ' ' || text[at - 1] == '\t') &&
               text.substr(at).starts_with("--") && at + 2 < text.size() &&
               std::isalpha(static_cast<unsigned char>(text[at + 2])) != 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

/// Takes the first word, or what stands in quotes, from the front of `text`.
std::string take_word(std::string& text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == text.npos) {
    text.clear();
    return {};
  }
  const char quote = text[start];
  const bool quoted = quote == '"' || quote == '\'';
  const size_t from = quoted ? start + 1 : start;
  const size_t end =
      std::min(quoted ? text.find(quote, from) : text.find_first_of(" \t", from), text.size());
  std::string word = text.substr(from, end - from);
  const size_t rest = text.find_first_not_of(" \t", std::min(end + (quoted ? 1 : 0), text.size()));
  text = rest == text.npos ? "" : text.substr(rest);
  return word;
}

Status take_condition(std::string& text, BreakpointRequest& request) {
  constexpr std::string_view first = "if ", later = " if ", last = " if";
  if (text == "if" || text.ends_with(last))
    return fail(ErrorCode::bad_request, "`if` needs a condition behind it");
  const size_t at = text.starts_with(first) ? 0 : text.find(later);
  if (at == text.npos) return {};
  request.condition = text.substr(at + (at == 0 ? first : later).size());
  text.resize(at);
  return {};
}

Status take_options(Debugger& debugger, Session& session, std::string& text,
                    BreakpointRequest& request) {
  for (;;) {
    const size_t at = find_option(text);
    if (at == text.npos) break;
    std::string rest = text.substr(at);
    const std::string name = take_word(rest);
    if (auto taken = take_option(debugger, session, name, rest, request); !taken) return taken;
    text.resize(at);
    text += rest;
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  return {};
}

}  // namespace clew::cli
