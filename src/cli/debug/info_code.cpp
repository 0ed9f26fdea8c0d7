// info line, symbol and address.

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/info_topics.h"
#include "cli/symbol_reading.h"
#include "session/disassembly.h"
#include "session/register_access.h"
#include "sym/demangle.h"
#include "sym/source_path.h"
#include "value/locator.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

std::string address_text(Debugger& debugger, Addr address) {
  const std::string name = symbolic_address(debugger.symbols(), address);
  const std::string number = debugger.console().style().address(hex_address(address.value));
  return name.empty() ? number : fmt::format("{} <{}>", number, printable(name));
}

/// "line 12 of main.c starts at 0x… <main> and ends at 0x… <main+9>".
std::string line_text(Debugger& debugger, const CodeLocation& place) {
  const sym::LoadedModule* const loaded = debugger.symbols().modules().find(place.address);
  const auto range = loaded == nullptr
                         ? std::nullopt
                         : sym::line_range_at(*loaded->module, loaded->to_file(place.address));
  if (!range || range->line.line == 0) {
    return fmt::format("no line is known for {}{}\n", address_text(debugger, place.address),
                       place.module.empty() ? "" : " of " + printable(place.module));
  }
  return fmt::format(
      "line {} of {} starts at {} and ends at {}{}\n", range->line.line,
      printable(range->line.file), address_text(debugger, loaded->to_runtime(range->start)),
      address_text(debugger, loaded->to_runtime(range->end)), place.is_inlined ? " (inlined)" : "");
}

Status show_line(Debugger& debugger, const Arguments& arguments) {
  const auto places = find_locations(debugger, arguments.text);
  if (!places) return tl::unexpected(places.error());
  const auto location = parse_location(arguments.text);
  std::string text;
  const bool is_other_line = location && location->kind == Location::Kind::line &&
                             places->front().line.line != location->line;
  if (is_other_line) {
    text = fmt::format("line {} has no code; the next one that has:\n", location->line);
  }
  for (const CodeLocation& place : *places) text += line_text(debugger, place);
  const CodeLocation& first = places->front();
  debugger.now().next_address = first.address;
  debugger.console().out_paged(text);
  return {};
}

Result<Addr> evaluate(Debugger& debugger, const std::string& text) {
  const auto value = debugger.evaluate(text);
  if (!value) return tl::unexpected(value.error());
  return Addr{*value};
}

/// The section of the file that an address lies in; empty when in none.
std::string section_of(const sym::LoadedModule& module, Addr address) {
  const uint64_t at = module.to_file(address);
  for (const auto& section : module.module->image().sections()) {
    if ((section.flags & SHF_ALLOC) != 0 && at - section.address < section.size)
      return section.name;
  }
  return {};
}

Status show_symbol(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: info symbol ADDRESS");
  const auto address = evaluate(debugger, arguments.text);
  if (!address) return tl::unexpected(address.error());
  Symbols& symbols = debugger.symbols();
  const std::string name = symbolic_address(symbols, *address);
  if (name.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("no symbol covers {}", hex_address(address->value)));
  }
  const sym::LoadedModule* const module = symbols.module_of(*address);
  std::string text = printable(name);
  if (module != nullptr) {
    const std::string section = section_of(*module, *address);
    text += fmt::format(" in {}{}", section.empty() ? "" : "section " + printable(section) + " of ",
                        printable(module->module->path()));
  }
  debugger.console().out(text + "\n");
  return {};
}

/// A variable of the selected frame; empty when it has none of that name.
std::string local_address(Debugger& debugger, const std::string& name) {
  if (!debugger.held_session()) return {};
  ValueScope scope = debugger.value_scope();
  if (scope.frame() == nullptr || scope.frame()->module() == nullptr) return {};
  const auto variable = value::find_variable(scope.scope(), name);
  if (!variable) return {};
  const value::Value value = value::Locator(scope.target(), scope.frame())
                                 .variable(*scope.frame()->module(), variable->die);
  return fmt::format(
      "{} is {} of {}, {}\n", printable(name),
      variable->is_parameter ? "an argument" : "a local variable",
      printable(scope.frame()->function().name),
      value.is_absent() ? "and not here: " + printable(value.absence()) : printable(value.where()));
}

Status show_address(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: info address NAME");
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  const auto query = sym::NameQuery::parse(arguments.text);
  if (!query) return tl::unexpected(query.error());
  if (const std::string local = local_address(debugger, arguments.text); !local.empty()) {
    debugger.console().out(local);
    return {};
  }
  Symbols& symbols = debugger.symbols();
  if (auto read = read_names(debugger.console(), symbols); !read) return read;
  std::string text;
  for (const LoadedFunction& found : symbols.functions(*query)) {
    text += fmt::format("{} is {} at {} in {}\n", printable(found.function.name),
                        found.function.is_inlined ? "inlined" : "a function",
                        hex_address(found.entry().value), printable(found.module.module->name()));
  }
  for (const LoadedName& found : symbols.find(*query, sym::variable_kinds)) {
    const auto address = symbols.variable_address(found);
    text += fmt::format(
        "{} is a variable {} in {}\n", printable(found.found.name),
        address ? "at " + hex_address(address->value) : std::string("without a fixed address"),
        printable(found.module.module->name()));
  }
  if (text.empty()) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no function or variable \"{}\"", printable(arguments.text)));
  }
  debugger.console().out_paged(text);
  return {};
}

void prepare_line(Debugger& debugger, const Arguments& arguments) {
  prepare_location(debugger, arguments.text);
}

const InfoTopic code_topic_list[] = {
    {"line", 2, "[LOCATION]", "which addresses belong to a line or function", show_line,
     prepare_line},
    {"symbol", 2, "ADDRESS", "what lies at an address", show_symbol},
    {"address", 2, "NAME", "where a function or variable lies", show_address, prepare_names},
};

}  // namespace

std::span<const InfoTopic> code_topics() { return code_topic_list; }

}  // namespace clew::cli
