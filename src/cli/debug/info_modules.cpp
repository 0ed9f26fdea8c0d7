// info sharedlibrary, source and sources.

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/info_topics.h"
#include "cli/symbol_reading.h"
#include "session/source_list.h"
#include "sym/dwarf_attribute.h"
#include "sym/source_path.h"
#include "view/table.h"
#include "view/thread_table.h"

namespace clew::cli {
namespace {

/// What names come from.
std::string symbols_of(const sym::Module& module) {
  {
    const auto lock = module.lock();
    if (module.dwarf() != nullptr && module.debug_image().find_section(".debug_info") != nullptr)
      return module.has_separate_debug_file() ? "debug file" : "debug";
  }
  return module.symbols().empty() ? "none" : "symbols";
}

Status show_libraries(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  debugger.symbols().refresh();
  const Style& style = debugger.console().style();
  const auto address = [&](std::string_view t) { return style.address(t); };
  Table table({{"FROM", Table::Align::left, address},
               {"TO", Table::Align::left, address},
               {"NAMES", Table::Align::left, {}},
               {"FILE", Table::Align::left, {}}});
  size_t shown = 0;
  for (const sym::LoadedModule& loaded : debugger.symbols().modules().modules()) {
    const std::string& path = loaded.module->path();
    if (path.find(arguments.text) == std::string::npos) continue;
    ++shown;
    const bool separate = loaded.module->has_separate_debug_file();
    table.add({hex_address(loaded.start.value), hex_address(loaded.end.value),
               symbols_of(*loaded.module),
               printable(path) +
                   (separate ? fmt::format(" ({})", printable(loaded.module->debug_image().label()))
                             : "")});
  }
  if (shown == 0) {
    return fail(ErrorCode::not_found,
                fmt::format("no file of code has \"{}\" in its name", printable(arguments.text)));
  }
  debugger.console().out_paged(table.render(0, [&](std::string_view t) { return style.faint(t); }));
  return {};
}

std::string language_name(int language) {
  switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
      return "C";
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
      return "C++";
    case DW_LANG_Rust:
      return "Rust";
    case DW_LANG_Go:
      return "Go";
    case DW_LANG_Mips_Assembler:
      return "assembly";
    default:
      return fmt::format("DWARF's language {:#x}", language);
  }
}

Status show_source(Debugger& debugger, const Arguments&) {
  const auto position = current_position(debugger);
  if (!position) return tl::unexpected(position.error());
  const sym::LoadedModule* const loaded = debugger.symbols().modules().find(position->pc);
  Dwarf_Die unit;
  if (loaded == nullptr || !sym::unit_at(*loaded->module, loaded->to_file(position->pc), unit)) {
    return fail(ErrorCode::not_found,
                "the selected thread stands in code without debug information");
  }
  const auto lock = loaded->module->lock();
  const sym::SourceLine& line = position->line;
  std::string text = fmt::format("file       {}:{}\n", printable(line.file), line.line);
  if (const auto source = debugger.source.files.open(line.file)) {
    text += fmt::format("found at   {}, {} lines\n", printable((*source)->path()),
                        (*source)->line_count());
  } else {
    text += fmt::format("found at   nowhere: {}\n", source.error().text);
  }
  text += fmt::format("unit       {}\n", printable(sym::string_attribute(unit, DW_AT_name)));
  text += fmt::format("folder     {}\n", printable(sym::string_attribute(unit, DW_AT_comp_dir)));
  text += fmt::format(
      "language   {}\n",
      language_name(static_cast<int>(sym::number_attribute(unit, DW_AT_language).value_or(0))));
  text += fmt::format("made by    {}\n", printable(sym::string_attribute(unit, DW_AT_producer)));
  Dwarf_Half version = 0;
  if (dwarf_cu_info(unit.cu, &version, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == 0)
    text += fmt::format("format     DWARF {}\n", version);
  text += fmt::format("module     {}\n", printable(loaded->module->path()));
  debugger.console().out(text);
  return {};
}

Status show_sources(Debugger& debugger, const Arguments& arguments) {
  const auto session = debugger.session();
  if (!session) return tl::unexpected(session.error());
  Result<std::vector<SourceOfModule>> found =
      fail(ErrorCode::cancelled, "the search was interrupted");
  Background search([&](WorkControl& control) {
    found = list_sources(debugger.symbols(), arguments.text, control);
  });
  if (auto done = wait_for(debugger.console(), search, "searching"); !done) return done;
  search.join();
  if (!found) return tl::unexpected(found.error());
  if (found->empty()) {
    return fail(
        ErrorCode::not_found,
        arguments.text.empty()
            ? std::string("no source files are known: no module has debug information")
            : fmt::format("no source file's name matches \"{}\"", printable(arguments.text)));
  }
  std::string text;
  const std::string* module = nullptr;
  for (const SourceOfModule& source : *found) {
    if (module == nullptr || *module != source.module)
      text += debugger.console().style().heading(printable(source.module)) + ":\n";
    module = &source.module;
    text += "  " + printable(source.file) + "\n";
  }
  debugger.console().out_paged(text);
  return {};
}

const InfoTopic module_topic_list[] = {
    {"sharedlibrary", 2, "[TEXT]", "the files that code comes from, and what is known of them",
     show_libraries},
    {"dll", 2, "[TEXT]", "the same", show_libraries},
    {"source", 2, "", "the source file that the selected thread stands in", show_source},
    {"sources", 7, "[REGEX]", "all source files that debug information tells of", show_sources},
};

}  // namespace

std::span<const InfoTopic> module_topics() { return module_topic_list; }

}  // namespace clew::cli
