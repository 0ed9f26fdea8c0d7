#include "sym/code.h"

#include <dwarf.h>

#include "sym/code_tables.h"
#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"
#include "sym/go_table.h"

namespace clew::sym {
namespace {

/// The attributes that make up one place in the source.
struct LineAttributes {
  unsigned file, line, column;
};

/// The place that an entry names. The file's number is one of its own unit.
SourceLine place_of(CodeTables& tables, const Dwarf_Die& die, const LineAttributes& names) {
  const auto limited = [&](unsigned name) {
    const uint64_t number = number_attribute(die, name).value_or(0);
    return number <= UINT32_MAX ? static_cast<unsigned>(number) : 0U;
  };
  SourceLine place;
  const auto file = number_attribute(die, names.file);
  const UnitCode* const unit = file ? tables.unit_of(die) : nullptr;
  const LineTable* const files = unit == nullptr ? nullptr : tables.files_of(unit->unit());
  if (files != nullptr) place.file = files->path(*file);
  place.line = limited(names.line);
  place.column = limited(names.column);
  return place;
}

SourceLine call_site_of(CodeTables& tables, const Dwarf_Die& copy) {
  return place_of(tables, copy, {DW_AT_call_file, DW_AT_call_line, DW_AT_call_column});
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

/// Of a program in Go without debug information.
std::vector<FunctionAt> from_go_table(const Module& module, uint64_t address) {
  std::vector<FunctionAt> functions;
  const GoTable* const table = go_table(module);
  const GoTable::Function* const function = table == nullptr ? nullptr : table->find(address);
  if (function == nullptr) return functions;
  const auto places = table->places(address);
  for (size_t i = 0; i < places.size(); ++i) {
    FunctionAt& at = functions.emplace_back();
    at.name = places[i].function;
    at.language = DW_LANG_Go;
    at.is_inlined = places[i].is_inlined;
    if (!at.is_inlined) {
      at.entry = function->start;
    } else if (i + 1 < places.size()) {
      at.call_site = {std::string(places[i + 1].file), places[i + 1].line, 0};
    }
  }
  return functions;
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
      functions.back().call_site = call_site_of(tables, copy);
    }
    functions.push_back(describe(tables, die, bias));
    if (!functions.back().name.empty()) return functions;
  }
  if (functions.empty()) functions = from_go_table(module, address);
  if (!functions.empty() && !functions.back().name.empty()) return functions;
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

std::optional<SourceLine> declared_at(const Module& module, const Dwarf_Die& die) {
  const auto lock = module.lock();
  CodeTables& tables = module.code_tables();
  SourceLine declared;
  Dwarf_Die entry = die;
  Dwarf_Die next;
  for (int i = 0;; ++i) {
    // A definition has only what is not the same as in its declaration.
    SourceLine place =
        place_of(tables, entry, {DW_AT_decl_file, DW_AT_decl_line, DW_AT_decl_column});
    if (declared.line == 0) declared = {std::move(declared.file), place.line, place.column};
    if (declared.file.empty()) declared.file = std::move(place.file);
    const bool is_complete = declared.line != 0 && !declared.file.empty();
    if (is_complete || i == most_origin_steps || !step_to_origin(entry, next)) break;
    entry = next;
  }
  if (declared.line == 0) return std::nullopt;
  return declared;
}

bool unit_at(const Module& module, uint64_t address, Dwarf_Die& unit) {
  const auto lock = module.lock();
  UnitCode* const found = module.code_tables().unit_at(address - module.debug_bias());
  if (found == nullptr) return false;
  unit = found->unit();
  return true;
}

}  // namespace clew::sym
