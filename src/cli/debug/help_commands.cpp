#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "view/table.h"

namespace clew::cli {
namespace {

std::string aliases_of(const DebugCommand& command) {
  std::string text;
  for (const std::string_view alias : command.aliases)
    text += (text.empty() ? "" : ", ") + std::string(alias);
  return text;
}

std::string list(const Style& style, const auto& wanted) {
  const auto heading = [&](std::string_view t) { return style.heading(t); };
  Table table({{"COMMAND", Table::Align::left, heading},
               {"ALSO", Table::Align::left, {}},
               {"WHAT IT DOES", Table::Align::left, {}}});
  for (const DebugCommand& command : debug_commands()) {
    if (wanted(command))
      table.add({std::string(command.name), aliases_of(command), std::string(command.summary)});
  }
  return table.render(0, [&](std::string_view t) { return style.faint(t); });
}

Status help(Debugger& debugger, const Arguments& arguments) {
  Console& console = debugger.console();
  if (arguments.words.empty()) {
    console.out_paged(
        list(console.style(), [](const DebugCommand&) { return true; }) +
        "\n`help COMMAND` says more; a beginning that only one command has is enough.\n");
    return {};
  }
  const auto command = find_debug_command(arguments.words[0]);
  if (!command) return tl::unexpected(command.error());
  std::string text =
      fmt::format("{} {}\n  {}\n", (*command)->name, (*command)->usage, (*command)->summary);
  if (const std::string also = aliases_of(**command); !also.empty())
    text += fmt::format("  also: {}\n", also);
  if (!(*command)->details.empty()) text += fmt::format("{}\n", (*command)->details);
  console.out(text);
  return {};
}

bool contains(std::string_view text, std::string_view wanted) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end();
}

Status apropos(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: apropos WORD");
  const auto fits = [&](const DebugCommand& command) {
    return contains(command.name, arguments.text) || contains(command.summary, arguments.text) ||
           contains(command.details, arguments.text) ||
           contains(aliases_of(command), arguments.text);
  };
  const auto all = debug_commands();
  if (std::none_of(all.begin(), all.end(), fits)) {
    return fail(ErrorCode::not_found,
                fmt::format("no command speaks of \"{}\"", printable(arguments.text)));
  }
  debugger.console().out(list(debugger.console().style(), fits));
  return {};
}

const DebugCommand help_list[] = {
    {"help", {"h", "?"}, "[COMMAND]", "the commands, or one of them", "", help},
    {"apropos", {}, "WORD", "the commands that speak of a word", "", apropos},
};

}  // namespace

std::span<const DebugCommand> help_commands() { return help_list; }

}  // namespace clew::cli
