#include "session/process_target.h"

#include <dwarf.h>
#include <fmt/format.h>

#include "base/printable.h"
#include "session/die_parent.h"
#include "sym/demangle.h"
#include "value/dwarf_read.h"
#include "value/locator.h"

namespace clew {
namespace {

bool is_declaration(const Dwarf_Die& die) { return value::flag_attribute(die, DW_AT_declaration); }

/// C has "struct node" and a typedef "node"; a wanted tag of 0 takes any.
bool has_tag(const Dwarf_Die& die, unsigned wanted) {
  const auto tag = static_cast<unsigned>(value::tag_of(die));
  if (wanted == 0 || tag == wanted) return true;
  const auto is_class = [](unsigned t) {
    return t == DW_TAG_structure_type || t == DW_TAG_class_type;
  };
  return is_class(tag) && is_class(wanted);
}

}  // namespace

ProcessTarget::ProcessTarget(MemoryReader& memory, Symbols& symbols, ReadNames read_names)
    : symbols_(symbols), read_names_(std::move(read_names)), memory_(memory) {
  types_.set_finder(this);
}

std::optional<value::NamedAddress> ProcessTarget::name_of(Addr address) {
  const sym::LoadedModule* const module = symbols_.module_of(address);
  if (module == nullptr) return std::nullopt;
  const uint64_t at = module->to_file(address);
  value::NamedAddress named;
  named.is_code = symbols_.modules().find(address) != nullptr;
  const sym::SymbolTable& symbols = module->module->symbols();
  const sym::Symbol* const symbol = named.is_code ? symbols.find_code(at) : symbols.find_data(at);
  if (symbol != nullptr) {
    named.name = sym::demangle(symbol->name);
    named.offset = at - symbol->address;
    return named;
  }
  if (!named.is_code) return std::nullopt;
  const NamedPlace& place = symbols_.place(address);
  if (place.function.empty()) return std::nullopt;
  named.name = place.function;
  named.offset = place.offset;
  return named;
}

const sym::LoadedModule* ProcessTarget::loaded(const sym::Module& module) const {
  for (const sym::LoadedModule& one : symbols_.modules().modules()) {
    if (one.module.get() == &module) return &one;
  }
  return nullptr;
}

void ProcessTarget::forget_names_of_old_code() {
  if (generation_ == symbols_.generation()) return;
  generation_ = symbols_.generation();
  found_.clear();
  functions_.clear();
}

Result<const std::vector<LoadedName>*> ProcessTarget::find(const std::string& name,
                                                           sym::NameKinds kinds) {
  forget_names_of_old_code();
  const bool is_type = kinds.has(sym::NameKind::type);
  const auto known = found_.find({name, is_type});
  if (known != found_.end()) return &known->second;
  const auto query = sym::NameQuery::parse(name);
  if (!query) return tl::unexpected(query.error());
  if (auto read = read_names_(); !read) return tl::unexpected(read.error());
  return &(found_[{name, is_type}] = symbols_.find(*query, kinds));
}

Result<const std::vector<LoadedFunction>*> ProcessTarget::functions(const std::string& name) {
  forget_names_of_old_code();
  const auto known = functions_.find(name);
  if (known != functions_.end()) return &known->second;
  const auto query = sym::NameQuery::parse(name);
  if (!query) return tl::unexpected(query.error());
  if (auto read = read_names_(); !read) return tl::unexpected(read.error());
  return &(functions_[name] = symbols_.functions(*query));
}

Result<const value::Type*> ProcessTarget::find_type(std::string_view name,
                                                    const value::Type* near) {
  const auto found = find(std::string(name), sym::type_kinds);
  if (!found) return tl::unexpected(found.error());
  const value::Type* best = nullptr;
  int best_rank = -1;
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    const bool is_near = near != nullptr && near->module() == one.module.module;
    const auto lock = one.module.module->lock();
    const int rank = (is_declaration(one.found.die) ? 0 : 4) + (one.found.name == name ? 2 : 0) +
                     (is_near ? 1 : 0);
    if (rank <= best_rank) continue;
    best = types_.of(one.module.module, one.found.die);
    best_rank = rank;
  }
  if (best != nullptr) return best;
  return fail(ErrorCode::not_found, fmt::format("there is no type {}", printable(name)));
}

std::optional<value::DefinitionFinder::Found> ProcessTarget::find_definition(
    unsigned tag, const std::string& name, const value::Type& declaration) {
  const auto found = find("::" + name, sym::type_kinds);
  if (!found) return std::nullopt;
  const LoadedName* best = nullptr;
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    const auto lock = one.module.module->lock();
    if (is_declaration(one.found.die) || !has_tag(one.found.die, tag)) continue;
    if (best == nullptr || one.module.module == declaration.module()) best = &one;
    if (one.module.module == declaration.module()) break;
  }
  if (best == nullptr) return std::nullopt;
  return Found{best->module.module, best->found.die};
}

Result<value::Value> ProcessTarget::variable(const std::shared_ptr<const sym::Module>& module,
                                             const Dwarf_Die& die) {
  const sym::LoadedModule* const where = module == nullptr ? nullptr : loaded(*module);
  if (where == nullptr) return fail(ErrorCode::unavailable, "its module is not mapped any more");
  Dwarf_Die definition = die;
  bool has_place = false;
  std::string name;
  {
    const auto lock = module->lock();
    has_place =
        value::attribute_of(die, DW_AT_location) || value::attribute_of(die, DW_AT_const_value);
    if (!has_place) {
      const char* const text = dwarf_diename(&definition);
      const auto parent = parent_of(die);
      const value::Type* const scope = parent ? types_.of(module, *parent) : nullptr;
      if (text != nullptr && scope != nullptr) name = scope->full_name() + "::" + text;
    }
  }
  if (has_place || name.empty()) return value::Locator(*this, nullptr).variable(*where, die);
  const auto found = find("::" + name, sym::variable_kinds);
  if (!found) return tl::unexpected(found.error());
  for (const LoadedName& one : **found) {
    if (one.found.die.addr == nullptr) continue;
    value::Value value = value::Locator(*this, nullptr).variable(one.module, one.found.die);
    if (!value.is_absent()) return value;
  }
  return value::Locator(*this, nullptr).variable(*where, die);
}

}  // namespace clew
