#include "cli/debug/command_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace clew::cli {

std::span<const DebugCommand> debug_commands() {
  static const std::vector<DebugCommand> all = [] {
    std::vector<DebugCommand> joined;
    for (const auto part :
         {process_commands(), thread_commands(), goroutine_commands(),   deferred_commands(),
          stack_commands(),   value_commands(),  text_commands(),        register_commands(),
          memory_commands(),  run_commands(),    step_commands(),        skip_commands(),
          frame_commands(),   signal_commands(), breakpoint_commands(),  catch_commands(),
          launch_commands(),  source_commands(), disassemble_commands(), setting_commands(),
          info_commands(),    help_commands()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

Result<const DebugCommand*> find_debug_command(std::string_view name) {
  std::vector<const DebugCommand*> beginnings;
  for (const DebugCommand& command : debug_commands()) {
    const auto& aliases = command.aliases;
    if (command.name == name || std::find(aliases.begin(), aliases.end(), name) != aliases.end())
      return &command;
    if (!name.empty() && command.name.starts_with(name)) beginnings.push_back(&command);
  }
  if (beginnings.size() == 1) return beginnings.front();
  if (beginnings.empty()) {
    return fail(ErrorCode::bad_request,
                fmt::format("there is no command \"{}\": `help` lists them", printable(name)));
  }
  std::string names;
  for (const DebugCommand* command : beginnings)
    names += (names.empty() ? "" : ", ") + std::string(command->name);
  return fail(ErrorCode::bad_request, fmt::format("\"{}\" could be {}", printable(name), names));
}

}  // namespace clew::cli
