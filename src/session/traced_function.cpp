#include "session/traced_function.h"

#include <dwarf.h>
#include <elf.h>

#include <map>

#include "sym/demangle.h"
#include "value/dwarf_read.h"

namespace clew {
namespace {

/// "f.cold" and "f.cold.3" are no functions, but parts of one that are jumped to.
bool is_part(std::string_view symbol) { return symbol.find(".cold") != symbol.npos; }

/// The first operation of a location, when it is one expression (DWARF 5, 2.6.1).
std::optional<Dwarf_Op> first_operation(const Dwarf_Die& die, unsigned name) {
  auto attribute = value::attribute_of(die, name);
  if (!attribute) return std::nullopt;
  const unsigned form = dwarf_whatform(&*attribute);
  const bool is_expression = form == DW_FORM_exprloc || form == DW_FORM_block1 ||
                             form == DW_FORM_block2 || form == DW_FORM_block4 ||
                             form == DW_FORM_block;
  Dwarf_Op* operations = nullptr;
  size_t count = 0;
  if (!is_expression || dwarf_getlocation(&*attribute, &operations, &count) != 0 || count == 0)
    return std::nullopt;
  return operations[0];
}

/// Whether an argument has its place only behind the function's prologue.
bool is_moved_first(const sym::Module& module, const Dwarf_Die& function) {
  const auto lock = module.lock();
  const auto base = first_operation(function, DW_AT_frame_base);
  const bool is_entry_base = base && base->atom == DW_OP_call_frame_cfa;
  bool moved = false;
  value::for_each_child(function, [&](const Dwarf_Die& child) {
    if (value::tag_of(child) != DW_TAG_formal_parameter) return true;
    const auto place = first_operation(child, DW_AT_location);
    // What its caller has left on the stack is there from the beginning.
    moved = place && place->atom == DW_OP_fbreg &&
            !(is_entry_base && static_cast<int64_t>(place->number) >= 0);
    return !moved;
  });
  return moved;
}

TracedFunction make_function(SymbolFunction symbol) {
  const sym::LoadedModule& loaded = symbol.module;
  TracedFunction traced;
  traced.name = std::move(symbol.name);
  traced.module = loaded;
  traced.entry = symbol.entry();
  auto functions = sym::functions_at(*loaded.module, symbol.address);
  if (functions.empty() || functions.back().entry != symbol.address) return traced;
  traced.function = std::move(functions.back());
  const uint64_t body = sym::after_prologue(*loaded.module, symbol.address);
  if (traced.function.language == DW_LANG_Go) {
    // Behind the look at the stack's size, which can begin the function anew.
    traced.entry = loaded.to_runtime(body);
    traced.follows_return = false;
  } else if (traced.function.die.addr != nullptr && body != symbol.address &&
             is_moved_first(*loaded.module, traced.function.die)) {
    traced.body = loaded.to_runtime(body);
  }
  return traced;
}

}  // namespace

std::vector<SymbolFunction> find_symbol_functions(const Symbols& symbols,
                                                  const RegularExpression& expression) {
  std::map<uint64_t, SymbolFunction> found;
  for (const sym::LoadedModule& loaded : symbols.modules().modules()) {
    for (const sym::Symbol& symbol : loaded.module->symbols().by_address()) {
      // The code of an STT_GNU_IFUNC chooses a function; it is not that function.
      if (symbol.type != STT_FUNC || symbol.address == 0 || is_part(symbol.name)) continue;
      const Addr entry = loaded.to_runtime(symbol.address);
      if (entry < loaded.start || entry >= loaded.end || found.contains(entry.value)) continue;
      std::string plain = sym::demangle_plain(symbol.name);
      std::string full = sym::demangle(symbol.name);
      if (!expression.matches(plain) && !expression.matches(full)) continue;
      found.emplace(entry.value,
                    SymbolFunction{loaded, symbol.address, std::move(plain), std::move(full)});
    }
  }
  std::vector<SymbolFunction> all;
  all.reserve(found.size());
  for (auto& [entry, function] : found) all.push_back(std::move(function));
  return all;
}

std::vector<TracedFunction> find_traced_functions(const Symbols& symbols,
                                                  const RegularExpression& expression) {
  std::vector<TracedFunction> all;
  std::vector<SymbolFunction> found = find_symbol_functions(symbols, expression);
  std::map<std::string, size_t> namesakes;
  for (const SymbolFunction& symbol : found) ++namesakes[symbol.name];
  all.reserve(found.size());
  for (SymbolFunction& symbol : found) {
    std::string title = namesakes[symbol.name] > 1 ? symbol.full_name : symbol.name;
    all.push_back(make_function(std::move(symbol)));
    all.back().title = std::move(title);
  }
  return all;
}

}  // namespace clew
