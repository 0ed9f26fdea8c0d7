#include "cli/debug/code_position.h"

#include <fmt/format.h>

#include "cli/symbol_reading.h"
#include "session/disassembly.h"

namespace clew::cli {

Result<CodePosition> current_position(Debugger& debugger) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto& goroutine = (*session)->selected_goroutine();
  const bool is_parked = goroutine && goroutine->is_parked;
  const auto id = (*session)->selected();
  if (!id && !is_parked) return tl::unexpected(id.error());
  CodePosition position;
  if ((*session)->selected_frame() != 0 || is_parked) {
    const auto chosen = debugger.stacks().selected();
    if (!chosen) return tl::unexpected(chosen.error());
    position.pc = chosen->raw->pc;
    position.is_call = chosen->raw->lookup != chosen->raw->pc;
    if (chosen->frame->line) position.line = *chosen->frame->line;
    return position;
  }
  Inferior& inferior = (*session)->inferior();
  const auto registers = inferior.general(*id);
  if (!registers) return tl::unexpected(registers.error());
  position.pc = {inferior.arch().pc_of(**registers)};
  position.line = debugger.symbols().place(position.pc).line;
  return position;
}

namespace {

/// Where the program's own code begins, for who has not come to any yet: as in gdb a line without a
/// file is one of that file.
sym::SourceLine line_of_main(Debugger& debugger) {
  Symbols& symbols = debugger.symbols();
  const auto query = sym::NameQuery::parse("::main");
  if (!query || !read_names(debugger.console(), symbols)) return {};
  for (const LoadedFunction& found : symbols.functions(*query)) {
    const auto& line = symbols.place(found.entry()).line;
    if (!line.file.empty()) return line;
  }
  return {};
}

}  // namespace

Result<std::vector<CodeLocation>> find_locations(Debugger& debugger, const Location& location) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  LocationContext context;
  const auto& listed = debugger.source.listed;
  const auto position = current_position(debugger);
  if (position) context.line = position->line;
  // As in gdb: what was listed last is the current place, until the thread moves.
  if (listed && location.kind != Location::Kind::current &&
      (!position || listed->pc == position->pc))
    context.line = {listed->file, static_cast<unsigned>((listed->first + listed->last) / 2), 0};
  const bool is_line_alone = location.kind == Location::Kind::line && location.file.empty();
  if (is_line_alone && context.line.file.empty()) context.line = line_of_main(debugger);
  context.evaluate = [&](const std::string& expression) { return debugger.evaluate(expression); };
  Symbols& symbols = debugger.symbols();
  // ptrace answers only the thread that attached: what asks for registers stays here.
  const bool is_name = location.kind == Location::Kind::function;
  if (!is_name && location.kind != Location::Kind::matching)
    return resolve_location(symbols, location, context);
  if (is_name) {
    if (auto read = read_names(debugger.console(), symbols); !read)
      return tl::unexpected(read.error());
  }
  Result<std::vector<CodeLocation>> found =
      fail(ErrorCode::cancelled, "the search was interrupted");
  Background search([&](WorkControl&) { found = resolve_location(symbols, location, context); });
  Status done = wait_for(debugger.console(), search, "searching");
  search.join();
  if (!done) return tl::unexpected(done.error());
  return found;
}

Result<std::vector<CodeLocation>> find_locations(Debugger& debugger, const std::string& text) {
  const auto location = parse_location(text);
  if (!location) return tl::unexpected(location.error());
  if (location->kind == Location::Kind::current) {
    const auto position = current_position(debugger);
    if (!position) return tl::unexpected(position.error());
    Location here;
    here.kind = Location::Kind::address;
    here.expression = std::to_string(position->pc.value);
    return find_locations(debugger, here);
  }
  return find_locations(debugger, *location);
}

Result<std::vector<CodeLocation>> find_stops(Debugger& debugger, const std::string& text) {
  auto found = find_locations(debugger, text);
  const auto session = debugger.session();
  if (!found || !session) return found;
  for (const CodeLocation& place : *found) {
    const Status begins =
        check_instruction_start(debugger.symbols(), (*session)->inferior(), place.stop);
    if (!begins) return tl::unexpected(begins.error());
  }
  return found;
}

std::string settled_location(Debugger& debugger, const std::string& text) {
  const auto location = parse_location(text);
  if (!location) return text;
  const bool is_address =
      location->kind == Location::Kind::current || location->kind == Location::Kind::address;
  const bool is_near = location->kind == Location::Kind::relative ||
                       (location->kind == Location::Kind::line && location->file.empty());
  if (!is_address && !is_near) return text;
  const auto found = find_locations(debugger, text);
  if (!found || found->empty()) return text;
  const CodeLocation& first = found->front();
  if (is_near && !first.line.file.empty())
    return fmt::format("{}:{}", first.line.file, first.line.line);
  return fmt::format("*{:#x}", first.stop.value);
}

void prepare_location(Debugger& debugger, const std::string& text) {
  const auto location = parse_location(text);
  if (!location) return;
  const bool is_function = location->kind == Location::Kind::function;
  if (!is_function && (location->kind != Location::Kind::line || location->file.empty())) return;
  if (is_function && !read_names(debugger.console(), debugger.symbols())) return;
  // What it finds is found again, more quickly, when the target is held.
  (void)resolve_location(debugger.symbols(), *location, {});
}

}  // namespace clew::cli
