#include "sym/code.h"

#include <dwarf.h>

#include "sym/code_tables.h"
#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"

namespace clew::sym {
namespace {

SourceLine call_site_of(CodeTables& tables, UnitCode& unit, const Dwarf_Die& copy) {
  const auto limited = [](std::optional<uint64_t> number) {
    return number && *number <= UINT32_MAX ? static_cast<unsigned>(*number) : 0U;
  };
  SourceLine site;
  const auto file = number_attribute(copy, DW_AT_call_file);
  const LineTable* const lines = tables.lines_of(unit.unit());
  if (file && lines != nullptr) site.file = lines->path(*file);
  site.line = limited(number_attribute(copy, DW_AT_call_line));
  site.column = limited(number_attribute(copy, DW_AT_call_column));
  return site;
}

FunctionAt describe(CodeTables& tables, const Dwarf_Die& die, uint64_t bias) {
  const FunctionName& name = tables.name_of(die);
  FunctionAt function;
  function.name = name.name;
  function.linkage_name = name.linkage_name;
  function.language = name.language;
  function.die = die;
  const uint64_t entry = entry_of(die);
  if (entry != 0) function.entry = entry + bias;
  return function;
}

std::optional<FunctionAt> from_symbol(const Module& module, uint64_t address) {
  const Symbol* const symbol = module.symbols().find_code(address);
  if (symbol == nullptr) return std::nullopt;
  FunctionAt function;
  function.name = demangle(symbol->name);
  if (function.name != symbol->name) function.linkage_name = symbol->name;
  function.entry = symbol->address;
  return function;
}

}  // namespace

std::vector<FunctionAt> functions_at(const Module& module, uint64_t address) {
  std::vector<FunctionAt> functions;
  const auto lock = module.lock();
  CodeTables& tables = module.code_tables();
  const uint64_t bias = module.debug_bias();
  UnitCode* const unit = tables.unit_at(address - bias);
  Dwarf_Die die;
  if (unit != nullptr && unit->find_function(address - bias, die)) {
    for (const Dwarf_Die& copy : unit->inlined_at(die, address - bias)) {
      functions.push_back(describe(tables, copy, bias));
      functions.back().is_inlined = true;
      functions.back().call_site = call_site_of(tables, *unit, copy);
    }
    functions.push_back(describe(tables, die, bias));
    if (!functions.back().name.empty()) return functions;
  }
  auto symbol = from_symbol(module, address);
  if (!symbol) return functions;
  if (functions.empty()) {
    if (unit != nullptr) symbol->language = unit->language();
    functions.push_back(std::move(*symbol));
  } else {
    functions.back().name = symbol->name;
    functions.back().linkage_name = symbol->linkage_name;
  }
  return functions;
}

bool unit_at(const Module& module, uint64_t address, Dwarf_Die& unit) {
  const auto lock = module.lock();
  UnitCode* const found = module.code_tables().unit_at(address - module.debug_bias());
  if (found == nullptr) return false;
  unit = found->unit();
  return true;
}

}  // namespace clew::sym
