#pragma once

#include <string>

#include "lang/parser.h"
#include "value/printer.h"
#include "value/value.h"

namespace clew::lang {

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

  /// "$rax", "$1", "$$", "$name". Convenience variables that have no value are void.
  virtual Result<value::Value> dollar(const std::string& name) = 0;
  /// Of convenience variables. @return bad_request for what cannot be one.
  virtual Status set_dollar(const std::string& name, const value::Value& value) = 0;
};

}  // namespace clew::lang
