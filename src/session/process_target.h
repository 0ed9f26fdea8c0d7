#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/symbols.h"
#include "value/memory_cache.h"
#include "value/target.h"
#include "value/value.h"

namespace clew {

/// One process as values see it, whoever holds it: its memory a page at a time, its types, and what
/// the index of names finds. What it has found stays good until other modules are mapped.
class ProcessTarget : public value::Target, private value::DefinitionFinder {
 public:
  /// Reads the names of all modules before they are asked for; may fail when the user gives up.
  using ReadNames = std::function<Status()>;

  /// All must outlive it.
  ProcessTarget(MemoryReader& memory, Symbols& symbols, ReadNames read_names);
  ProcessTarget(const ProcessTarget&) = delete;
  ProcessTarget& operator=(const ProcessTarget&) = delete;

  /// What was read of memory before may be stale.
  void begin() { memory_.forget(); }

  MemoryReader& memory() override { return memory_; }
  value::Types& types() override { return types_; }
  const sym::ModuleMap& modules() override { return symbols_.modules(); }
  std::optional<value::NamedAddress> name_of(Addr address) override;
  Result<const value::Type*> find_type(std::string_view name, const value::Type* near) override;
  Result<value::Value> variable(const std::shared_ptr<const sym::Module>& module,
                                const Dwarf_Die& die) override;

  /// What the index of names has, every instance of it: reads the names first. `name` as a
  /// NameQuery; remembered.
  Result<const std::vector<LoadedName>*> find(const std::string& name, sym::NameKinds kinds);
  /// The places where functions of that name begin.
  Result<const std::vector<LoadedFunction>*> functions(const std::string& name);
  /// nullptr for a module that is mapped no more.
  const sym::LoadedModule* loaded(const sym::Module& module) const;

  Symbols& symbols() { return symbols_; }

 private:
  std::optional<Found> find_definition(unsigned tag, const std::string& name,
                                       const value::Type& declaration) override;
  void forget_names_of_old_code();

  Symbols& symbols_;
  ReadNames read_names_;
  value::MemoryCache memory_;
  value::Types types_;
  uint64_t generation_ = 0;
  std::map<std::pair<std::string, bool>, std::vector<LoadedName>> found_;  // by name; types or not
  std::map<std::string, std::vector<LoadedFunction>> functions_;
};

}  // namespace clew
