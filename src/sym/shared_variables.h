#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/addr.h"

namespace clew::sym {

class Module;
struct LoadedModule;

/// Variables that both the program and a library define. All code uses the program's, to which the
/// dynamic linker binds every reference (ELF gABI, "Shared Object Dependencies"); most are copies
/// that the linker has made because the program's code reaches only what is near (R_X86_64_COPY).
/// What lies in the library, and is described by its debug information, is used by nobody.
class SharedVariables {
 public:
  explicit SharedVariables(const std::vector<LoadedModule>& modules);

  /// Where the variable is that lies at an address of a library's own. nullopt when it is there.
  std::optional<Addr> find(const Module& module, uint64_t address) const;

 private:
  struct Variable {
    uint64_t size = 0;
    Addr used;
  };
  std::map<const Module*, std::map<uint64_t, Variable>> libraries_;
};

}  // namespace clew::sym
