// set, unset and show; the settings of what `run` starts. `set $REG` is in register_commands.cpp.

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/settings.h"
#include "os/command_line.h"
#include "os/shell_words.h"

namespace clew::cli {
namespace {

Status set_arguments(Debugger& debugger, const std::string& value) {
  const auto program = debugger.program();
  if (!program) return tl::unexpected(program.error());
  auto words = os::split_shell_words(value);
  if (!words) return tl::unexpected(words.error());
  words->insert(words->begin(), (*program)->arguments.front());
  (*program)->arguments = std::move(*words);
  return {};
}

std::string show_arguments(Debugger& debugger) {
  const auto program = debugger.program();
  if (!program) return program.error().text + "\n";
  const auto& all = (*program)->arguments;
  return os::shell_quoted({all.begin() + 1, all.end()}) + "\n";
}

void change_environment(Debugger& debugger, EnvironmentChange change) {
  auto& changes = debugger.program_settings().changes;
  std::erase_if(changes, [&](const EnvironmentChange& old) { return old.name == change.name; });
  changes.push_back(std::move(change));
}

Status set_variable(Debugger& debugger, const std::string& value) {
  // "NAME=VALUE" and "NAME VALUE": what shells and what gdb's users type.
  const size_t end = value.find_first_of("= \t");
  if (end == value.npos || end == 0)
    return fail(ErrorCode::bad_request, "usage: set env NAME=VALUE");
  change_environment(debugger, {value.substr(0, end), value.substr(end + 1)});
  return {};
}

Status unset_variable(Debugger& debugger, const std::string& value) {
  if (value.empty() || value.find_first_of("= \t") != value.npos)
    return fail(ErrorCode::bad_request, "usage: unset env NAME");
  change_environment(debugger, {value, std::nullopt});
  return {};
}

std::string show_environment(Debugger& debugger) {
  std::string text;
  for (const EnvironmentChange& change : debugger.program_settings().changes) {
    text += change.value ? os::shell_quoted({change.name + "=" + *change.value})
                         : printable(change.name) + " is not set";
    text += "\n";
  }
  return text.empty() ? std::string("no changes\n") : text;
}

Status set_folder(Debugger& debugger, const std::string& value) {
  debugger.program_settings().directory = value;
  return {};
}

Status unset_folder(Debugger& debugger, const std::string&) { return set_folder(debugger, ""); }

std::string show_folder(Debugger& debugger) {
  const std::string& folder = debugger.program_settings().directory;
  return folder.empty() ? "as clew's own\n" : printable(folder) + "\n";
}

const Setting run_settings[] = {
    {"args", "[ARGS]", "the arguments that `run` starts the program with", set_arguments, nullptr,
     show_arguments},
    {"env", "NAME=VALUE", "a variable of the environment that the program is started with",
     set_variable, unset_variable, show_environment},
    {"cwd", "FOLDER", "the folder that the program is started in", set_folder, unset_folder,
     show_folder},
};

std::string names() {
  std::string text;
  for (const Setting& setting : settings())
    text += (text.empty() ? "" : ", ") + std::string(setting.name);
  return text;
}

Result<const Setting*> wanted(std::string_view name, std::string_view command) {
  if (const Setting* setting = find_setting(name)) return setting;
  return fail(ErrorCode::bad_request, fmt::format("{} what? {}", command, names()));
}

Status unset(Debugger& debugger, const Arguments& arguments) {
  const auto [setting, value] = split_setting(arguments.text);
  if (setting == nullptr) return tl::unexpected(wanted(arguments.text, "unset").error());
  if (setting->unset == nullptr)
    return fail(ErrorCode::bad_request, fmt::format("{} cannot be unset", setting->name));
  return setting->unset(debugger, value);
}

Status show(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text == "print") {
    for (const Setting& setting : print_settings())
      debugger.console().out(fmt::format("{}: {}", setting.name, setting.show(debugger)));
    return {};
  }
  if (!arguments.text.empty()) {
    const auto setting = wanted(arguments.text, "show");
    if (!setting) return tl::unexpected(setting.error());
    debugger.console().out((*setting)->show(debugger));
    return {};
  }
  for (const Setting& setting : settings())
    debugger.console().out(fmt::format("{}: {}", setting.name, setting.show(debugger)));
  return {};
}

const DebugCommand setting_list[] = {
    {"show",
     {},
     "[NAME]",
     "what was set with `set`, or all of it",
     "env shows what differs from the environment that the program would have.",
     show},
    {"unset",
     {},
     "env NAME | cwd | substitute-path [FROM]",
     "take back what was set",
     "Without a variable in its environment, or in clew's own folder, a program is started; "
     "sources "
     "are where\ntheir names say.",
     unset},
};

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> joined(std::begin(run_settings), std::end(run_settings));
    for (const auto part : {source_settings(), step_settings(), stop_settings(), print_settings()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

const Setting* find_setting(std::string_view name) {
  if (name == "environment") name = "env";
  const auto all = settings();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Setting& setting) { return setting.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::pair<const Setting*, std::string> split_setting(const std::string& text) {
  const auto [first, rest] = split_first_word(text);
  const auto [second, behind] = split_first_word(rest);
  if (const Setting* const setting = find_setting(first + " " + second)) return {setting, behind};
  return {find_setting(first), rest};
}

std::pair<std::string, std::string> split_first_word(const std::string& text) {
  const size_t end = std::min(text.find_first_of(" \t"), text.size());
  const size_t rest = std::min(text.find_first_not_of(" \t", end), text.size());
  return {text.substr(0, end), text.substr(rest)};
}

std::span<const DebugCommand> setting_commands() { return setting_list; }

}  // namespace clew::cli
