#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sym/code.h"
#include "sym/code_ranges.h"
#include "sym/inlined_copies.h"
#include "sym/name_file.h"
#include "sym/name_query.h"

namespace clew::sym {

/// Something that was found by its name.
struct FoundName {
  std::string name;  ///< with scopes
  NameKind kind = NameKind::function;
  Dwarf_Die die{};   ///< `die.addr` is nullptr when only an ELF symbol is known
  int language = 0;  ///< DW_LANG_…; 0 when unknown
  /// Of an ELF symbol: the module's own address. 0 otherwise.
  uint64_t address = 0;
};

/// All names of one module: what its debug information defines, and its ELF symbols. Immutable;
/// what comes from libdw is used under the module's lock, which the calls take by themselves.
class ModuleNames {
 public:
  /// Reads the names from the cache or from the debug information; a module without any has its
  /// symbols. One that has an index of its own in the file is read when that does not suffice.
  /// Takes no lock for long: the module can be used meanwhile. @return cancelled.
  static Result<std::shared_ptr<const ModuleNames>> load(std::shared_ptr<const Module> module,
                                                         const NameCache& cache, unsigned threads,
                                                         WorkControl& control);
  /// Reads `wanted` alone, from the debug information: far less work than all names are, for one
  /// who knows what to ask for. @return cancelled.
  static Result<std::shared_ptr<const ModuleNames>> load_only(std::shared_ptr<const Module> module,
                                                              const WantedNames& wanted,
                                                              unsigned threads,
                                                              WorkControl& control);
  ~ModuleNames();
  ModuleNames(const ModuleNames&) = delete;
  ModuleNames& operator=(const ModuleNames&) = delete;

  const Module& module() const { return *module_; }
  /// Units whose debug information makes no sense from some point on.
  size_t broken_units() const;

  /// Each place where a function of that name begins: its own code, and each copy that was inlined.
  /// By address, at most `most_places`. ELF symbols are asked when debug information knows none.
  std::vector<FunctionAt> functions(const NameQuery& query) const;
  static constexpr size_t most_places = 10000;

  /// The DIEs of types, variables or enumerators of that name. ELF symbols are
  /// asked for variables when debug information knows none.
  std::vector<FoundName> find(const NameQuery& query, NameKinds kinds) const;

  /// A name of the index, unresolved.
  struct Listed {
    size_t file = 0;
    size_t index = 0;
    std::string name;
  };
  /// Every name of these kinds whose full form `wanted` takes, in no order. Inlined functions have
  /// one entry for each unit. ELF symbols are not included. @return cancelled.
  Result<std::vector<Listed>> list(NameKinds kinds,
                                   const std::function<bool(const std::string&)>& wanted,
                                   const WorkControl& control) const;
  FoundName resolve(const Listed& listed) const;

 private:
  explicit ModuleNames(std::shared_ptr<const Module> module);
  void add_files();
  void add_split_files();
  bool confirms(const NameQuery& query, const Dwarf_Die& function) const;
  void add_functions(const NameQuery& query, std::vector<FunctionAt>& places) const;
  void add_functions(const NameFile& file, const NameIndex& index, const NameQuery& query,
                     std::vector<FunctionAt>& places, InlinedOrigins& origins) const;
  void add_inlined(const NameFile& file, const InlinedOrigins& origins,
                   std::vector<FunctionAt>& places) const;
  void add_symbols(const NameQuery& query, std::vector<FunctionAt>& places) const;
  bool is_code(const FunctionAt& place) const;
  FunctionAt place_of(const Dwarf_Die& die, std::string name) const;

  std::shared_ptr<const Module> module_;
  CodeRanges code_;
  std::vector<std::unique_ptr<NameFile>> files_;  // that of dwz before the one that uses it
};

}  // namespace clew::sym
