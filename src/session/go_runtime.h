#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inferior/inferior.h"
#include "lang/go/goroutine_reader.h"
#include "lang/go/runtime_code.h"
#include "lang/go/runtime_layout.h"
#include "session/symbols.h"

namespace clew {

/// Where a thread keeps the goroutine that it runs.
struct ThreadGoroutine {
  uint64_t offset = 0;  ///< from the thread pointer on, modulo 2^64
  /// Of a library: the word with what is to be added, which is 0 until the library is bound.
  std::optional<Addr> base;
};

/// The Go runtime of a process: where its code is, and where it keeps what.
struct GoRuntime {
  sym::LoadedModule module;
  std::string version;  ///< "go1.26.8"; empty when the file does not say
  go::RuntimeLayout layout;
  go::RuntimeCode code;
  /// Nothing where that cannot be known.
  std::optional<ThreadGoroutine> thread_goroutine;
};

/// What a list of goroutines takes of that.
struct GoLayout {
  sym::LoadedModule module;
  std::string version;
  go::RuntimeLayout layout;
};

/// True when a file that is mapped was built by Go.
bool has_go_code(const sym::ModuleMap& modules);

/// Looks for it in the files that are mapped: the program itself, or a library built by Go. Reads
/// names and unwind tables, so that nothing is left to be read during a stop. `memory` needs no
/// stop. @return not_found when there is no Go code; unsupported with what is missing.
Result<GoRuntime> find_go_runtime(Symbols& symbols, MemoryReader& memory);

/// The same as far as a list of goroutines takes it: of a program that was looked at before no
/// debug information is read, which is most of what it would take.
Result<GoLayout> find_go_layout(Symbols& symbols, MemoryReader& memory);

/// What the user should know of runtimes beside the one in `shown`: a library that Go has built
/// (-buildmode=c-shared) has one of its own, a plugin has not. One line each.
std::vector<std::string> told_of_other_runtimes(const sym::ModuleMap& modules,
                                                const sym::LoadedModule& shown);

/// The held threads as a GoroutineReader wants them. `inner_tid` says how the program itself
/// numbers one.
std::vector<go::ThreadAt> go_threads(Inferior& inferior,
                                     const std::function<pid_t(pid_t)>& inner_tid);

}  // namespace clew
