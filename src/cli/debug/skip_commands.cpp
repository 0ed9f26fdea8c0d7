// What `step` does not enter.

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "view/table.h"

namespace clew::cli {
namespace {

Status add_rule(Debugger& debugger, SkipRules::Kind kind, const std::string& text) {
  if (text.empty()) {
    return fail(ErrorCode::bad_request,
                fmt::format("skip which {}?", kind == SkipRules::Kind::expression
                                                  ? "functions: a regular expression"
                                                  : skip_kind_name(kind)));
  }
  const auto number = debugger.skips.add(kind, text);
  if (!number) return tl::unexpected(number.error());
  debugger.console().out(
      fmt::format("skip {}: {} {}\n", *number, skip_kind_name(kind), printable(text)));
  return {};
}

/// The function, or the file, in which the selected frame is.
Status skip_here(Debugger& debugger, SkipRules::Kind kind) {
  const auto position = current_position(debugger);
  if (!position) return tl::unexpected(position.error());
  if (kind == SkipRules::Kind::file) return add_rule(debugger, kind, position->line.file);
  const NamedPlace& place = debugger.symbols().place(position->pc, position->is_call);
  return add_rule(debugger, kind, place.function.substr(0, place.function.find('(')));
}

Status delete_rules(Debugger& debugger, const std::string& text) {
  if (text.empty()) {
    debugger.skips.clear();
    return {};
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::bad_request, "usage: skip delete [NUMBER]");
  return debugger.skips.remove(number);
}

Status skip(Debugger& debugger, const Arguments& arguments) {
  const auto [what, rest] = split_first_word(arguments.text);
  if (what.empty()) return skip_here(debugger, SkipRules::Kind::function);
  if (what == "delete") return delete_rules(debugger, rest);
  // With a dash as gdb writes them.
  if (what == "file" || what == "-file" || what == "-fi") {
    return rest.empty() ? skip_here(debugger, SkipRules::Kind::file)
                        : add_rule(debugger, SkipRules::Kind::file, rest);
  }
  if (what == "regex" || what == "-r" || what == "-rfunction" || what == "-rfu")
    return add_rule(debugger, SkipRules::Kind::expression, rest);
  if (what == "function" || what == "-function" || what == "-fu")
    return add_rule(debugger, SkipRules::Kind::function, rest);
  if (what.starts_with('-')) {
    return fail(
        ErrorCode::bad_request,
        fmt::format("skip has no option {}: function, file, regex, delete", printable(what)));
  }
  return add_rule(debugger, SkipRules::Kind::function, arguments.text);
}

const DebugCommand skip_list[] = {
    {"skip",
     {},
     "[function] [NAME] | file [NAME] | regex REGEX | delete [NUMBER]",
     "functions that `step` does not enter; without a NAME the selected frame's",
     "They are run through. `info skip` lists the rules.",
     skip},
};

}  // namespace

std::span<const DebugCommand> skip_commands() { return skip_list; }

Status show_skips(Debugger& debugger, const Arguments&) {
  if (debugger.skips.all().empty()) {
    debugger.console().out("nothing is skipped\n");
    return {};
  }
  Table table({{"#", Table::Align::right, {}},
               {"KIND", Table::Align::left, {}},
               {"WHAT", Table::Align::left, {}}});
  for (const SkipRules::Rule& rule : debugger.skips.all()) {
    table.add({std::to_string(rule.number), std::string(skip_kind_name(rule.kind)),
               printable(rule.text)});
  }
  const Style& style = debugger.console().style();
  debugger.console().out(table.render(0, [&](std::string_view t) { return style.faint(t); }));
  return {};
}

}  // namespace clew::cli
