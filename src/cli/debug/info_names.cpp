// info functions, types and variables.

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/info_topics.h"
#include "cli/symbol_reading.h"
#include "session/name_search.h"
#include "sym/source_path.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

std::string render(const std::vector<NameLine>& lines, const Style& style) {
  std::string text;
  const std::string* module = nullptr;
  for (const NameLine& line : lines) {
    if (module == nullptr || *module != line.module)
      text += style.heading(printable(line.module)) + ":\n";
    module = &line.module;
    text += "  " + printable(line.name);
    if (!line.declared.file.empty()) {
      text += style.faint(fmt::format("  {}:{}", printable(sym::last_part(line.declared.file)),
                                      line.declared.line));
    } else if (line.address) {
      text += style.faint("  " + hex_address(line.address->value));
    }
    text += "\n";
  }
  return text;
}

Status show_names(Debugger& debugger, const std::string& expression, sym::NameKinds kinds,
                  std::string_view what) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  Symbols& symbols = debugger.symbols();
  Console& console = debugger.console();
  if (auto read = read_names(console, symbols); !read) return read;
  Result<std::vector<NameLine>> found = fail(ErrorCode::cancelled, "the search was interrupted");
  Background search(
      [&](WorkControl& control) { found = search_names(symbols, kinds, expression, control); });
  if (auto done = wait_for(console, search, "searching"); !done) return done;
  search.join();
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) {
    return fail(
        ErrorCode::not_found,
        expression.empty()
            ? fmt::format("no {} are known: no module has debug information or symbols", what)
            : fmt::format("no {} match \"{}\"", what, printable(expression)));
  }
  console.out_paged(render(*found, console.style()));
  return {};
}

Status show_functions(Debugger& debugger, const Arguments& arguments) {
  return show_names(debugger, arguments.text, sym::function_kinds, "functions");
}

Status show_types(Debugger& debugger, const Arguments& arguments) {
  return show_names(debugger, arguments.text, sym::type_kinds, "types");
}

Status show_variables(Debugger& debugger, const Arguments& arguments) {
  return show_names(debugger, arguments.text, sym::variable_kinds, "variables");
}

const InfoTopic name_topic_list[] = {
    {"functions", 2, "[REGEX]", "functions whose names match, and where they are declared",
     show_functions, prepare_names},
    {"types", 2, "[REGEX]", "types whose names match", show_types, prepare_names},
    {"variables", 1, "[REGEX]", "global and static variables whose names match", show_variables,
     prepare_names},
};

}  // namespace

void prepare_names(Debugger& debugger, const Arguments&) {
  (void)read_names(debugger.console(), debugger.symbols());
}

std::span<const InfoTopic> name_topics() { return name_topic_list; }

}  // namespace clew::cli
