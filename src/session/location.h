#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "session/symbols.h"

namespace clew {

/// A place in the program as a user names it, taken apart.
struct Location {
  enum class Kind : uint8_t {
    current,   ///< nothing was typed
    address,   ///< *EXPRESSION
    line,      ///< FILE:LINE, LINE
    relative,  ///< +N, -N lines from the current one
    function,  ///< NAME, FILE:NAME
    matching,  ///< -r REGEX
  };

  Kind kind = Kind::current;
  std::string file;        ///< of line and function; empty: the current one, or any
  unsigned line = 0;       ///< of line
  int64_t offset = 0;      ///< of relative
  std::string name;        ///< of function; of matching the expression
  std::string expression;  ///< of address
};

/// @return bad_request, with the forms that there are.
Result<Location> parse_location(std::string_view text);

/// What a location may refer to.
struct LocationContext {
  /// Where a line without a file, "+3" and nothing at all are; may be empty.
  sym::SourceLine line;
  /// Computes the expression of an address; may be empty.
  std::function<Result<uint64_t>(const std::string&)> evaluate;
};

/// One of the addresses that a location means.
struct CodeLocation {
  Addr address;          ///< the first instruction of what was named
  Addr stop;             ///< where to stop for it: in a function's beginning, behind the prologue
  std::string function;  ///< that it is in, or that was inlined there; empty when not known
  bool is_inlined = false;
  sym::SourceLine line;  ///< of `address`; empty when not known
  std::string module;    ///< last part of the file's path; empty when it is in none

  /// "main.c:12 in main", for people.
  std::string description() const;
};

/// Every address that a location means: each overload, each instance of a template, each copy of an
/// inlined function, and a line in each function that has code for it. By address.
/// @return not_found, or bad_request when the context lacks what the location refers to.
Result<std::vector<CodeLocation>> resolve_location(Symbols& symbols, const Location& location,
                                                   const LocationContext& context);

/// Where the code of a function's own statements begins, behind the prologue as its language makes
/// one: an address of the module's file.
uint64_t body_of(const sym::Module& module, const sym::FunctionAt& function);

}  // namespace clew
