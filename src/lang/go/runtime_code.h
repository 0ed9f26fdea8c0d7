#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/addr.h"
#include "sym/module_map.h"

namespace clew::go {

/// Where in the runtime's code a goroutine leaves the way that the source says, or ends. What a
/// version does not have is missing.
struct RuntimeCode {
  std::optional<Addr>
      recovery;                ///< a panic was recovered: what the goroutine goes on at is settled
  std::optional<Addr> resume;  ///< gogo: a thread goes over to what a goroutine's runtime.g says
  std::optional<Addr> exit;    ///< Goexit
  std::optional<Addr> end;     ///< goexit1: the goroutine ends
  std::optional<Addr> fatal_panic;  ///< of a panic that nobody has recovered
  std::vector<Addr> fatal_errors;   ///< throw and fatal
  /// The instructions that call deferred functions: in a panic, in Goexit, and when the function
  /// that deferred them returns.
  std::vector<Addr> panic_calls, exit_calls, return_calls;
};

/// By the names and the code of a module that holds a runtime; needs no process.
RuntimeCode find_runtime_code(const sym::LoadedModule& loaded);

/// True for functions that the source does not say: what the runtime does by itself, or for
/// statements and operators. Exported functions of package runtime are called by name.
bool is_hidden_function(std::string_view name);

/// True for what the compiler makes of the call in a go or defer statement, and of methods for
/// other types: by the linker's table, and by the names that releases since Go 1.22 give the
/// former.
bool is_wrapper(const sym::Module& module, uint64_t address);

/// Where to stop for a Go function: behind the check whether the stack has room, so that a function
/// that is begun anew on a larger stack comes there once, and where the compiler says that the
/// prologue ends. `entry` is the module's own address. @return `entry` when there is no prologue.
uint64_t after_prologue(const sym::Module& module, uint64_t entry);

}  // namespace clew::go
