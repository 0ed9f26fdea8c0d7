#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/regular_expression.h"
#include "session/symbols.h"
#include "sym/code.h"

namespace clew {

/// A function whose calls are followed, and what has come of them.
struct TracedFunction {
  std::string name;   ///< demangled, without parameters
  std::string title;  ///< the same, with parameters where another has that name too
  sym::LoadedModule module;
  sym::FunctionAt function;  ///< without a DIE where only an ELF symbol is known
  Addr entry;
  /// Where its arguments are in the places that the debug information has for them, when that is
  /// not so at the entry: code that is not optimised moves them first.
  std::optional<Addr> body;
  /// False for Go: goroutines go over to other threads and stacks in the middle of a call.
  bool follows_return = true;

  uint64_t calls = 0;
  uint64_t returns = 0;
  uint64_t left = 0;  ///< calls that ended without a return: by a longjmp or an exception
  Duration total{};   ///< of the calls that have returned
  Duration longest{};
};

/// A function by its symbol.
struct SymbolFunction {
  sym::LoadedModule module;
  uint64_t address = 0;   ///< the module's own
  std::string name;       ///< demangled, without parameters
  std::string full_name;  ///< with them

  Addr entry() const { return module.to_runtime(address); }
};

/// Every function of the modules that are mapped now whose name, with or without its parameters,
/// the expression matches; each address once, in order. Parts of functions that compilers have set
/// apart (.cold) are none, nor are functions that are only ever inlined.
std::vector<SymbolFunction> find_symbol_functions(const Symbols& symbols,
                                                  const RegularExpression& expression);

/// The same with what tracing has to know of them. Reads the debug information of what it finds: to
/// be called while the target runs.
std::vector<TracedFunction> find_traced_functions(const Symbols& symbols,
                                                  const RegularExpression& expression);

}  // namespace clew
