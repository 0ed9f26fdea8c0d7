#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "session/register_access.h"
#include "view/disassembly_view.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

constexpr size_t most_instructions = 100000;
/// Where no function is known.
constexpr uint64_t unknown_length = 64;

/// Takes the options off the beginning of `text`: "/s", "/rs", directly behind the name or not.
Status take_options(const std::string& suffix, std::string& text, DisassemblyOptions& options) {
  using Source = DisassemblyOptions::Source;
  std::string letters = suffix;
  while (text.starts_with('/')) {
    const size_t end = std::min(text.find_first_of(" \t"), text.size());
    letters += text.substr(1, end - 1);
    text.erase(0, std::min(text.find_first_not_of(" \t", end), text.size()));
  }
  for (const char c : letters) {
    if (c == 's') {
      options.source = Source::in_code_order;
    } else if (c == 'm') {
      options.source = Source::in_line_order;
    } else if (c == 'r') {
      options.raw_bytes = true;
    } else {
      return fail(ErrorCode::bad_request,
                  "disassemble takes /s (with source), /m (by source lines) and /r (with bytes)");
    }
  }
  return {};
}

Result<Addr> find_address(Debugger& debugger, const std::string& text) {
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  const auto number = debugger.evaluate(text);
  if (number) return Addr{*number};
  const auto places = find_locations(debugger, text);
  if (!places) return tl::unexpected(places.error());
  return places->front().address;
}

/// "START,END" and "START,+LENGTH".
Result<CodeRange> explicit_range(Debugger& debugger, const std::string& text, size_t comma) {
  const auto start = find_address(debugger, text.substr(0, comma));
  if (!start) return tl::unexpected(start.error());
  std::string rest = text.substr(comma + 1);
  rest.erase(0, rest.find_first_not_of(" \t"));
  const bool is_length = rest.starts_with('+');
  const auto end = find_address(debugger, is_length ? rest.substr(1) : rest);
  if (!end) return tl::unexpected(end.error());
  const CodeRange range{*start, is_length ? *start + end->value : *end};
  if (range.end <= range.start) return fail(ErrorCode::bad_request, "the range is empty");
  return range;
}

Status show_range(Debugger& debugger, const CodeRange& range, const DisassemblyOptions& options) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto lines = disassemble_range(debugger.symbols(), (*session)->inferior(), range,
                                       most_instructions, debugger.source.flavor);
  if (!lines) return tl::unexpected(lines.error());
  std::string text;
  if (!lines->empty() && !lines->front().place.function.empty())
    text = debugger.console().style().heading(printable(lines->front().place.function)) + ":\n";
  text += render_disassembly(*lines, options, debugger.source.files, debugger.console().style());
  debugger.console().out_paged(text);
  return {};
}

Status disassemble(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  DisassemblyOptions options;
  std::string text = arguments.text;
  if (auto taken = take_options(arguments.suffix, text, options); !taken) return taken;
  if (const auto position = current_position(debugger)) options.current = position->pc;
  // Commas in "f(int, char)" and "f<int, 3>" are no range.
  const size_t comma = text.find(',');
  if (comma != std::string::npos && text.find_first_of("(<") == std::string::npos) {
    const auto range = explicit_range(debugger, text, comma);
    if (!range) return tl::unexpected(range.error());
    return show_range(debugger, *range, options);
  }
  auto places = find_locations(debugger, text);
  if (!places) return tl::unexpected(places.error());
  // The functions that one was inlined into are shown only if it has no code of its own.
  const auto is_inlined = [](const CodeLocation& place) { return place.is_inlined; };
  if (!std::all_of(places->begin(), places->end(), is_inlined) && !text.empty())
    std::erase_if(*places, is_inlined);
  Addr shown_until;
  for (const CodeLocation& place : *places) {
    if (place.address < shown_until) continue;  // two copies in one function
    const auto range = function_range(debugger.symbols(), place.address);
    if (!range && text.empty())
      return show_range(debugger, {place.address, place.address + unknown_length}, options);
    if (!range) return tl::unexpected(range.error());
    if (auto shown = show_range(debugger, *range, options); !shown) return shown;
    shown_until = range->end;
  }
  return {};
}

void prepare_disassemble(Debugger& debugger, const Arguments& arguments) {
  DisassemblyOptions options;
  std::string text = arguments.text;
  if (take_options(arguments.suffix, text, options)) prepare_location(debugger, text);
}

const DebugCommand disassemble_list[] = {
    {"disassemble",
     {"disas", "disass"},
     "[/s|/m|/r] [LOCATION | START,END | START,+LENGTH]",
     "show the instructions of a function",
     "Without a LOCATION, of the one that the selected thread stands in. /s shows the source "
     "before "
     "the code made\n"
     "from it, /m the code behind each line of source, /r the bytes too. `set disassembly-flavor` "
     "takes intel or att.",
     disassemble,
     true,
     prepare_disassemble},
};

}  // namespace

std::span<const DebugCommand> disassemble_commands() { return disassemble_list; }

}  // namespace clew::cli
