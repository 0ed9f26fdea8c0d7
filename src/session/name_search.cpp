#include "session/name_search.h"

#include <dwarf.h>

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "base/regular_expression.h"
#include "sym/demangle.h"
#include "sym/dwarf_attribute.h"
#include "sym/type_text.h"

namespace clew {
namespace {

auto sort_key(const NameLine& line) {
  return std::tie(line.module, line.name, line.declared.file, line.declared.line, line.address);
}

sym::SourceLine declared_at(Dwarf_Die die) {
  sym::SourceLine line;
  int number = 0;
  if (const char* const file = dwarf_decl_file(&die)) line.file = file;
  if (dwarf_decl_line(&die, &number) == 0 && number > 0) line.line = static_cast<unsigned>(number);
  return line;
}

std::string linkage_name(Dwarf_Die die) {
  Dwarf_Attribute attribute;
  for (const unsigned name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    if (dwarf_attr_integrate(&die, name, &attribute) == nullptr) continue;
    if (const char* const text = dwarf_formstring(&attribute)) return text;
  }
  return {};
}

/// Functions by their signatures, so that overloads are told apart.
std::string signature(const sym::Module& module, const sym::FoundName& found) {
  if (const std::string linkage = linkage_name(found.die); !linkage.empty()) {
    if (std::string whole = sym::demangle(linkage); whole != linkage) return whole;
  }
  return found.name + sym::parameter_types(module, found.die);
}

class Search {
 public:
  Search(Symbols& symbols, sym::NameKinds kinds, const RegularExpression& regex,
         const WorkControl& control)
      : symbols_(symbols), kinds_(kinds), regex_(regex), control_(control) {}

  Result<std::vector<NameLine>> run();

 private:
  Status add_debug_names(const sym::LoadedModule& loaded);
  void add_symbols(const sym::LoadedModule& loaded);

  Symbols& symbols_;
  sym::NameKinds kinds_;
  const RegularExpression& regex_;
  const WorkControl& control_;
  std::vector<NameLine> found_;
  std::unordered_set<std::string> known_;  ///< variables with debug information
};

Status Search::add_debug_names(const sym::LoadedModule& loaded) {
  const sym::ModuleNames* const names = symbols_.names_of(*loaded.module);
  if (names == nullptr) return {};
  known_.clear();
  const auto listed = names->list(
      kinds_, [&](const std::string& name) { return regex_.matches(name); }, control_);
  if (!listed) return tl::unexpected(listed.error());
  for (const auto& entry : *listed) {
    if (control_.cancelled) return fail(ErrorCode::cancelled, "the search was interrupted");
    const auto lock = loaded.module->lock();
    const sym::FoundName found = names->resolve(entry);
    if (found.die.addr == nullptr) continue;
    if (found.kind == sym::NameKind::variable) known_.insert(found.name);
    const bool is_function =
        found.kind == sym::NameKind::function || found.kind == sym::NameKind::inlined_function;
    found_.push_back({is_function ? signature(*loaded.module, found) : found.name,
                      declared_at(found.die), std::string(loaded.module->name()), std::nullopt});
  }
  return {};
}

/// Symbols of code and data that no debug information covers.
void Search::add_symbols(const sym::LoadedModule& loaded) {
  const bool functions = kinds_.has(sym::NameKind::function);
  const bool variables = kinds_.has(sym::NameKind::variable);
  if (!functions && !variables) return;
  for (const sym::Symbol& symbol : loaded.module->symbols().by_address()) {
    if (control_.cancelled) return;
    const bool is_function = symbol.type == STT_FUNC || symbol.type == STT_GNU_IFUNC;
    if (is_function ? !functions : !variables || symbol.type != STT_OBJECT) continue;
    Dwarf_Die unit;
    if (is_function && sym::unit_at(*loaded.module, symbol.address, unit)) continue;
    std::string name = sym::demangle(symbol.name);
    if (!regex_.matches(name) || known_.count(name) != 0) continue;
    found_.push_back({std::move(name),
                      {},
                      std::string(loaded.module->name()),
                      loaded.to_runtime(symbol.address)});
  }
}

Result<std::vector<NameLine>> Search::run() {
  for (const sym::LoadedModule& loaded : symbols_.modules().modules()) {
    if (auto added = add_debug_names(loaded); !added) return tl::unexpected(added.error());
    add_symbols(loaded);
  }
  if (control_.cancelled) return fail(ErrorCode::cancelled, "the search was interrupted");
  std::sort(found_.begin(), found_.end());
  found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
  return std::move(found_);
}

}  // namespace

bool operator<(const NameLine& a, const NameLine& b) { return sort_key(a) < sort_key(b); }

bool operator==(const NameLine& a, const NameLine& b) { return sort_key(a) == sort_key(b); }

Result<std::vector<NameLine>> search_names(Symbols& symbols, sym::NameKinds kinds,
                                           const std::string& expression,
                                           const WorkControl& control) {
  const auto regex = RegularExpression::compile(expression);
  if (!regex) return tl::unexpected(regex.error());
  return Search(symbols, kinds, **regex, control).run();
}

}  // namespace clew
