#include "session/source_list.h"

#include <dwarf.h>

#include <algorithm>
#include <set>

#include "base/regular_expression.h"
#include "sym/code_tables.h"
#include "sym/dwarf_attribute.h"
#include "sym/dwarf_data.h"
#include "sym/source_path.h"

namespace clew {
namespace {

/// A header that claims more files than this is cut: no unit includes that many.
constexpr uint64_t most_files = 1 << 20;

/// Only the headers of the line tables are read, not the tables.
void add_files(const Dwarf_Die& unit, std::set<std::string>& files) {
  Dwarf_Die copy = unit;
  Dwarf_Attribute attribute;
  Dwarf_Word offset = 0;
  if (dwarf_attr(&copy, DW_AT_stmt_list, &attribute) == nullptr ||
      dwarf_formudata(&attribute, &offset) != 0)
    return;
  Dwarf* const dwarf = dwarf_cu_getdwarf(unit.cu);
  const sym::LineSections sections{sym::dwarf_section(dwarf, ".debug_line"),
                                   sym::dwarf_section(dwarf, ".debug_line_str"),
                                   sym::dwarf_section(dwarf, ".debug_str")};
  const sym::LineHeader header(sections, offset);
  const std::string_view folder = sym::string_attribute(unit, DW_AT_comp_dir);
  const uint64_t count = std::min<uint64_t>(header.file_count(), most_files);
  for (uint64_t i = 0; i < count; ++i)
    files.insert(sym::normal_path(header.path(header.first_file() + i, folder)));
}

}  // namespace

Result<std::vector<SourceOfModule>> list_sources(const Symbols& symbols,
                                                 const std::string& expression,
                                                 const WorkControl& control) {
  const auto regex = RegularExpression::compile(expression);
  if (!regex) return tl::unexpected(regex.error());
  std::vector<SourceOfModule> found;
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    const auto lock = loaded.module->lock();
    std::set<std::string> files;
    for (const Dwarf_Die& unit : loaded.module->code_tables().units()) {
      if (control.cancelled) return fail(ErrorCode::cancelled, "the search was interrupted");
      add_files(unit, files);
    }
    for (const std::string& file : files) {
      if (!file.empty() && (*regex)->matches(file))
        found.push_back({std::string(loaded.module->name()), file});
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace clew
