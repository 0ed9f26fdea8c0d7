#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lang/parser.h"
#include "value/printer.h"
#include "value/value.h"

namespace clew::lang {

/// What a function is called with.
struct CallArgument {
  value::Value value;
  bool is_placed = false;  ///< it goes into memory for as long as the call lasts, as a pointer
  std::optional<uint64_t> length = {};  ///< that follows the pointer: Rust's &str and &[T]
};

/// What the names in an expression mean: one frame, or none, of one process.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual value::Target& target() = 0;
  virtual Language language() = 0;
  /// For elements of containers and what smart pointers point to.
  virtual const value::PrinterSet& printers() = 0;

  virtual NameClass classify(const std::string& name) = 0;
  /// A variable, parameter, member of `this`, function or enumerator by its name with scopes; with
  /// a `file` only what that file defines. @return not_found when there is none.
  virtual Result<value::Value> variable(const std::string& name, const std::string& file) = 0;
  /// By its name with scopes. @return not_found.
  virtual Result<const value::Type*> type(const std::string& name, TypeName::Tag tag) = 0;

  /// The std::type_info that the program has of a type of C++. @return not_found.
  virtual Result<Addr> type_info(const value::Type* type) {
    (void)type;
    return fail(ErrorCode::not_found, "what the program knows of its types is not known here");
  }

  /// "$rax", "$1", "$$", "$name". Convenience variables that have no value are void.
  virtual Result<value::Value> dollar(const std::string& name) = 0;
  /// Every function of that name that has code: overloads.
  virtual std::vector<value::Value> functions(const std::string& name) {
    (void)name;
    return {};
  }
  /// The code of a member function, which its class only declares. @return not_found.
  virtual Result<value::Value> method(const value::Type* type, const value::Method& method) {
    (void)type;
    return fail(ErrorCode::not_found, "the code of " + method.name + " is not known here");
  }
  /// Has the program call a function, with `this` and arguments that fit its parameters. @return
  /// unsupported where nothing is called.
  virtual Result<value::Value> call(const value::Value& function, const value::Type* result,
                                    std::span<const CallArgument> arguments) {
    (void)function, (void)result, (void)arguments;
    return fail(ErrorCode::unsupported,
                "no functions of the program are called here: that could block or change it");
  }
  /// Of convenience variables. @return bad_request for what cannot be one.
  virtual Status set_dollar(const std::string& name, const value::Value& value) = 0;
};

}  // namespace clew::lang
