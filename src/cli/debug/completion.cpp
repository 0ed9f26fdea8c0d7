// What Tab offers at the prompt.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/debug/debugger.h"
#include "cli/debug/info_topics.h"
#include "cli/debug/settings.h"
#include "cli/debug/typed_line.h"
#include "cli/symbol_reading.h"

namespace clew::cli {
namespace {

using Words = std::vector<std::string>;

void add_commands(Words& words, bool per_thread_alone) {
  for (const DebugCommand& command : debug_commands()) {
    if (command.per_thread || !per_thread_alone) words.emplace_back(command.name);
  }
}

void add_registers(Words& words, std::string_view prefix) {
  for (const arch::RegisterInfo& info : arch::native().registers)
    words.push_back(fmt::format("{}{}", prefix, info.name));
}

void add_numbers(Words& words, const std::vector<Thread>& threads) {
  for (const Thread& thread : threads) words.push_back(fmt::format("{}", thread.id.number));
}

void add_tids(Words& words, const std::vector<Thread>& threads) {
  for (const Thread& thread : threads) words.push_back(fmt::format("{}", thread.id.tid));
}

/// Commands whose argument is a place in the program.
bool takes_location(std::string_view name) {
  constexpr std::array<std::string_view, 8> names{"break",   "tbreak", "logpoint", "clear",
                                                  "advance", "until",  "list",     "disassemble"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Names of functions that begin like that. The path of a Go package may be left out.
void add_functions(Words& words, Symbols& symbols, std::string_view begun) {
  constexpr size_t most = 1000;
  if (begun.empty()) return;
  const bool has_path = begun.find('/') != begun.npos;
  const auto short_form = [&](const std::string& name) {
    const size_t slash = has_path ? name.npos : name.substr(0, name.find('[')).rfind('/');
    return slash == name.npos ? name : name.substr(slash + 1);
  };
  WorkControl control;
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    const sym::ModuleNames* const names = symbols.names_of(*loaded.module);
    if (names == nullptr) continue;
    const auto found = names->list(
        sym::function_kinds,
        [&](const std::string& name) {
          return words.size() < most &&
                 (name.starts_with(begun) || short_form(name).starts_with(begun));
        },
        control);
    if (!found) continue;
    for (const auto& one : *found) {
      if (words.size() >= most) return;
      words.push_back(one.name.starts_with(begun) ? one.name : short_form(one.name));
    }
  }
}

/// The line behind its first `count` words.
std::string_view behind_words(std::string_view line, size_t count) {
  for (; count > 0; --count) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    line.remove_prefix(std::min(line.find_first_of(blanks), line.size()));
  }
  return line;
}

}  // namespace

std::vector<std::string> Debugger::completions(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  Words words;
  const std::string_view last = line.substr(line.find_last_of(blanks) + 1);
  if (last.size() == line.size()) {
    add_commands(words, false);
    return words;
  }
  if (last.starts_with('$')) {
    add_registers(words, "$");
    return words;
  }
  const TypedLine typed = split_line(line);
  const auto command = find_debug_command(typed.name);
  if (!command) return words;
  // The arguments before the one that is being typed.
  Words before = typed.arguments.words;
  if (!last.empty() && !before.empty()) before.pop_back();
  const std::string_view name = (*command)->name;
  const std::vector<Thread> threads =
      now_->session ? now_->session->threads() : std::vector<Thread>();
  if (name == "help") {
    add_commands(words, false);
  } else if (takes_location(name) && !last.starts_with('-') && now_->symbols != nullptr) {
    if (read_names(console(), *now_->symbols)) add_functions(words, *now_->symbols, last);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
  } else if (takes_location(name) && name != "list" && name != "disassemble") {
    words = {"--thread", "--thread-name", "--goroutine", "--after", "--stop"};
  } else if (name == "process" && before.empty()) {
    words = {"apply"};
    for (const DebuggedProcess* process : processes())
      words.push_back(std::to_string(process->number));
  } else if (name == "process" && before[0] == "apply" && before.size() == 2) {
    add_commands(words, false);
  } else if (name == "thread" && before.empty()) {
    words = {"apply", "tid"};
    add_numbers(words, threads);
  } else if (name == "thread" && before[0] == "tid" && before.size() == 1) {
    add_tids(words, threads);
  } else if (name == "thread" && before[0] == "apply" && before.size() == 1) {
    words = {"all"};
    add_numbers(words, threads);
  } else if (name == "thread" && before[0] == "apply" && before.size() == 2) {
    add_commands(words, true);
  } else if (name == "thread" && before[0] == "apply") {
    return completions(behind_words(line, 3));
  } else if (name == "regs") {
    add_registers(words, "");
  } else if (name == "info" && before.empty()) {
    for (const InfoTopic& topic : info_topics()) words.emplace_back(topic.name);
  } else if (name == "info" && std::string_view("registers").starts_with(before[0])) {
    add_registers(words, "");
  } else if (name == "set" && before.size() == 1 && before[0] == "follow-fork") {
    words = {"parent", "child", "both"};
  } else if (name == "set" && before.size() == 1 && before[0] == "detach-on-fork") {
    words = {"on", "off"};
  } else if (name == "set" || name == "show" || name == "unset") {
    for (const Setting& setting : settings()) words.emplace_back(setting.name);
  }
  return words;
}

}  // namespace clew::cli
