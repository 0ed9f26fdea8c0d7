#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "sym/module_map.h"
#include "value/target.h"
#include "value/type.h"

namespace clew::value {

/// The types of a Go program as its runtime knows them: by the descriptor (runtime._type) that
/// interfaces and the dictionaries of generic functions lead to, and by name. The linker puts them
/// all into a unit of package runtime, which is read when it is first asked for. For one thread.
class GoTypes {
 public:
  GoTypes() = default;
  GoTypes(const GoTypes&) = delete;
  GoTypes& operator=(const GoTypes&) = delete;

  /// The type whose descriptor is at an address. Reads memory. @return not_found when the debug
  /// information has none: one that was made by package reflect, or of a module without any.
  Result<const Type*> at(Target& target, Addr descriptor);
  /// What the runtime itself says of a type, for those that at() does not find.
  struct Described {
    std::string name;             ///< with the last part of its package's path: "main.T"
    const Type* basic = nullptr;  ///< what it is made of, when that is a number, a bool or a string
  };
  Result<Described> describe(Target& target, Addr descriptor);
  /// A type by its whole name as the linker writes it: "map[string]main.T". @return nullptr.
  const Type* find(Target& target, std::string_view name);
  /// A named type by the last part of its package's path: "http.Header". @return nullptr.
  const Type* find_short(Target& target, std::string_view name);
  /// A named type of a package whose own name is not the last part of its path, by that name:
  /// "dap.Request" of github.com/google/go-dap. @return nullptr.
  const Type* find_by_package(Target& target, std::string_view name);
  /// True when the program itself, not a library of it, has a Go runtime's debug information.
  bool is_go_program(Target& target);

 private:
  /// What one module's debug information has.
  struct Known {
    std::shared_ptr<const sym::Module> module;
    std::unordered_map<uint64_t, Dwarf_Off> by_descriptor;  ///< by its offset among descriptors
    std::unordered_map<std::string_view, Dwarf_Off> by_name;
    /// Paths of packages by the names that they give themselves, where those are not their last
    /// parts.
    std::unordered_map<std::string_view, std::vector<std::string_view>> paths;
    std::optional<Dwarf_Die> module_data;  ///< the variable runtime.firstmoduledata
  };
  /// Where the descriptors of one module are in memory.
  struct Range {
    Addr start, end;
    const Known* known = nullptr;
  };

  /// nullptr for a module that has no unit of Go's runtime.
  const Known* known(const std::shared_ptr<const sym::Module>& module);
  static std::unique_ptr<Known> read(const std::shared_ptr<const sym::Module>& module);
  void read_ranges(Target& target);
  void read_ranges(Target& target, const sym::LoadedModule& loaded, const Known& first);
  const Range* range_of(Addr descriptor) const;
  static const Type* type_at(Target& target, const Known& known, Dwarf_Off offset);

  std::unordered_map<const sym::Module*, std::unique_ptr<Known>> modules_;
  std::vector<Range> ranges_;
};

}  // namespace clew::value
