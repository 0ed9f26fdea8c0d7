// list and directory.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "sym/source_path.h"
#include "view/source_listing.h"

namespace clew::cli {
namespace {

/// Lines of one file.
struct Lines {
  std::string file;
  size_t first = 0, last = 0;
};

Lines around(const sym::SourceLine& line, unsigned size) {
  const size_t before = size / 2;
  const size_t first = line.line > before ? line.line - before : 1;
  return {line.file, first, first + size - 1};
}

Status show_lines(Debugger& debugger, const Lines& lines) {
  const auto text = debugger.source.files.open(lines.file);
  if (!text) return tl::unexpected(text.error());
  if (lines.first > (*text)->line_count()) {
    return fail(ErrorCode::not_found,
                fmt::format("{} has {} lines", printable(lines.file), (*text)->line_count()));
  }
  std::optional<size_t> current;
  SourceView::Listed listed{lines.file, lines.first, std::min(lines.last, (*text)->line_count()),
                            std::nullopt};
  if (const auto position = current_position(debugger)) {
    listed.pc = position->pc;
    if (position->line.file == lines.file) current = position->line.line;
  }
  debugger.source.listed = listed;
  debugger.console().out_paged(
      render_source(**text, lines.first, lines.last, current, debugger.console().style()));
  return {};
}

/// The next ones, those before, or, where the thread has moved, those around it.
Result<Lines> next_lines(Debugger& debugger, bool backwards) {
  const unsigned size = debugger.source.list_size;
  const auto& listed = debugger.source.listed;
  const auto position = current_position(debugger);
  const bool has_moved = position && listed && listed->pc != position->pc;
  if (listed && !has_moved) {
    if (!backwards) return Lines{listed->file, listed->last + 1, listed->last + size};
    if (listed->first <= 1)
      return fail(ErrorCode::not_found, "the lines at the beginning were shown already");
    const size_t last = listed->first - 1;
    return Lines{listed->file, last > size ? last - size + 1 : 1, last};
  }
  if (!position) return tl::unexpected(position.error());
  if (position->line.file.empty() || position->line.line == 0) {
    return fail(ErrorCode::not_found,
                fmt::format("there are no lines for {}: `disassemble` shows the code",
                            debugger.symbols().place(position->pc).function.empty()
                                ? fmt::format("{:#x}", position->pc.value)
                                : printable(debugger.symbols().place(position->pc).function)));
  }
  return around(position->line, size);
}

/// The source lines that a location means: several for overloads, copies and instances of one place
/// count once. A line needs no code, only text.
Result<std::vector<sym::SourceLine>> source_lines(Debugger& debugger, const std::string& text) {
  const auto location = parse_location(text);
  if (!location) return tl::unexpected(location.error());
  const auto found = find_locations(debugger, *location);
  if (!found) return tl::unexpected(found.error());
  std::vector<sym::SourceLine> lines;
  std::set<std::pair<std::string, unsigned>> seen;
  for (const CodeLocation& place : *found) {
    sym::SourceLine line = place.line;
    if (line.file.empty()) continue;
    // The very line that was asked for, not the next one with code.
    if (location->kind == Location::Kind::line) line.line = location->line;
    if (seen.emplace(line.file, line.line).second) lines.push_back(std::move(line));
  }
  if (lines.empty())
    return fail(
        ErrorCode::not_found,
        fmt::format("there are no lines for \"{}\": it has no debug information", printable(text)));
  return lines;
}

/// The comma of "A,B" that is in no brackets; npos when there is none.
size_t find_comma(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '<') ++depth;
    if (text[i] == ')' || text[i] == '>') --depth;
    if (text[i] == ',' && depth <= 0) return i;
  }
  return text.npos;
}

Status list_range(Debugger& debugger, const std::string& from, const std::string& to) {
  const unsigned size = debugger.source.list_size;
  Lines lines;
  if (!from.empty()) {
    const auto found = source_lines(debugger, from);
    if (!found) return tl::unexpected(found.error());
    lines = {found->front().file, found->front().line, found->front().line + size - 1};
    // The end counts in the same file.
    debugger.source.listed = SourceView::Listed{lines.file, lines.first, lines.first, std::nullopt};
    if (const auto position = current_position(debugger)) debugger.source.listed->pc = position->pc;
  }
  if (!to.empty()) {
    const auto found = source_lines(debugger, to);
    if (!found) return tl::unexpected(found.error());
    const sym::SourceLine& end = found->front();
    if (from.empty()) {
      lines = {end.file, end.line > size ? end.line - size + 1 : 1, end.line};
    } else if (end.file != lines.file || end.line < lines.first) {
      return fail(ErrorCode::bad_request, "the end is not behind the beginning");
    } else {
      lines.last = end.line;
    }
  }
  return show_lines(debugger, lines);
}

Status list(Debugger& debugger, const Arguments& arguments) {
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  if (arguments.text.empty() || arguments.text == "-") {
    const auto lines = next_lines(debugger, arguments.text == "-");
    if (!lines) return tl::unexpected(lines.error());
    return show_lines(debugger, *lines);
  }
  if (const size_t comma = find_comma(arguments.text); comma != std::string::npos) {
    return list_range(debugger, arguments.text.substr(0, comma), arguments.text.substr(comma + 1));
  }
  const auto found = source_lines(debugger, arguments.text);
  if (!found) return tl::unexpected(found.error());
  for (const sym::SourceLine& line : *found) {
    if (found->size() > 1) {
      debugger.console().out(debugger.console().style().heading(
          fmt::format("{}:{}\n", printable(line.file), line.line)));
    }
    if (auto shown = show_lines(debugger, around(line, debugger.source.list_size)); !shown)
      return shown;
  }
  return {};
}

Status add_directory(Debugger& debugger, const Arguments& arguments) {
  std::vector<std::string> folders;
  for (const std::string& word : arguments.words) {
    for (size_t start = 0; start < word.size();) {
      const size_t end = std::min(word.find(':', start), word.size());
      if (end > start) folders.push_back(word.substr(start, end - start));
      start = end + 1;
    }
  }
  // Without any, all are forgotten, as in gdb. The new ones are looked into first.
  if (!folders.empty()) {
    const auto& old = debugger.source.files.directories();
    std::copy_if(old.begin(), old.end(), std::back_inserter(folders), [&](const auto& folder) {
      return std::find(folders.begin(), folders.end(), folder) == folders.end();
    });
  }
  debugger.source.files.set_directories(std::move(folders));
  return {};
}

void prepare_list(Debugger& debugger, const Arguments& arguments) {
  prepare_location(debugger, arguments.text.substr(0, find_comma(arguments.text)));
}

const DebugCommand source_list[] = {
    {"list",
     {"l", "ls"},
     "[LOCATION | FROM,TO | -]",
     "show source lines",
     "Without a LOCATION it goes on behind the last lines, or shows where the selected thread "
     "stands when that has\n"
     "moved; `-` shows those before. A LOCATION is FILE:LINE, LINE, +N, FUNCTION, FILE:FUNCTION or "
     "*ADDRESS.",
     list,
     true,
     prepare_list},
    {"directory",
     {"dir"},
     "[FOLDER...]",
     "look for source files in these folders too; without any, in none",
     "",
     add_directory},
};

}  // namespace

std::span<const DebugCommand> source_commands() { return source_list; }

}  // namespace clew::cli
