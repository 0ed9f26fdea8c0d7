// set, unset and show for source files and disassembly.

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/settings.h"
#include "os/shell_words.h"

namespace clew::cli {
namespace {

Status set_substitution(Debugger& debugger, const std::string& value) {
  const auto words = os::split_shell_words(value);
  if (!words) return tl::unexpected(words.error());
  if (words->size() != 2 || words->front().empty())
    return fail(ErrorCode::bad_request, "usage: set substitute-path FROM TO");
  debugger.source.files.substitute((*words)[0], (*words)[1]);
  return {};
}

Status unset_substitution(Debugger& debugger, const std::string& value) {
  if (!value.empty()) return debugger.source.files.forget_substitution(value);
  debugger.source.files.forget_substitutions();
  return {};
}

std::string show_substitutions(Debugger& debugger) {
  std::string text;
  for (const auto& [from, to] : debugger.source.files.substitutions())
    text += fmt::format("{} -> {}\n", printable(from), printable(to));
  return text.empty() ? std::string("none\n") : text;
}

Status set_flavor(Debugger& debugger, const std::string& value) {
  if (value == "intel") {
    debugger.source.flavor = arch::AssemblyFlavor::intel;
  } else if (value == "att") {
    debugger.source.flavor = arch::AssemblyFlavor::att;
  } else {
    return fail(ErrorCode::bad_request, "usage: set disassembly-flavor intel|att");
  }
  return {};
}

std::string show_flavor(Debugger& debugger) {
  return debugger.source.flavor == arch::AssemblyFlavor::intel ? "intel\n" : "att\n";
}

Status set_list_size(Debugger& debugger, const std::string& value) {
  unsigned size = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
  if (error != std::errc() || end != value.data() + value.size() || size == 0)
    return fail(ErrorCode::bad_request, "usage: set listsize LINES");
  debugger.source.list_size = size;
  return {};
}

std::string show_list_size(Debugger& debugger) {
  return fmt::format("{}\n", debugger.source.list_size);
}

Status set_directories(Debugger& debugger, const std::string& value) {
  std::vector<std::string> folders;
  for (size_t start = 0; start < value.size();) {
    const size_t end = std::min(value.find(':', start), value.size());
    if (end > start) folders.push_back(value.substr(start, end - start));
    start = end + 1;
  }
  debugger.source.files.set_directories(std::move(folders));
  return {};
}

Status unset_directories(Debugger& debugger, const std::string&) {
  return set_directories(debugger, "");
}

std::string show_directories(Debugger& debugger) {
  std::string text;
  for (const std::string& folder : debugger.source.files.directories())
    text += (text.empty() ? "" : ":") + printable(folder);
  return (text.empty() ? "none" : text) + "\n";
}

const Setting all[] = {
    {"substitute-path", "FROM TO", "source files whose names begin with FROM are below TO",
     set_substitution, unset_substitution, show_substitutions},
    {"directories", "FOLDER[:FOLDER...]", "folders in which source files are looked for",
     set_directories, unset_directories, show_directories},
    {"listsize", "LINES", "how many lines `list` shows", set_list_size, nullptr, show_list_size},
    {"disassembly-flavor", "intel|att", "how instructions are written", set_flavor, nullptr,
     show_flavor},
};

}  // namespace

std::span<const Setting> source_settings() { return all; }

}  // namespace clew::cli
