#pragma once

#include <optional>
#include <string>
#include <vector>

namespace clew {

/// One variable that the program gets another value of, or, without a value, does not get.
struct EnvironmentChange {
  std::string name;
  std::optional<std::string> value;
};

/// How a program is to be started. Relative paths count from clew's own folder, also when the
/// program is to start in another. What is left empty is as clew has it.
struct LaunchOptions {
  /// The file to execute: a path, or a name that is looked for in the PATH that the program gets.
  /// Empty: argument 0.
  std::string program;
  std::vector<std::string> arguments;  ///< argument 0 and all others; at least one
  /// "NAME=VALUE" of every variable; without it clew's own.
  std::optional<std::vector<std::string>> environment;
  std::vector<EnvironmentChange> changes;  ///< made to the environment, in this order
  std::string directory;
  std::string input;         ///< file for standard input
  std::string output;        ///< file for standard output: made, or cut to nothing
  std::string error_output;  ///< the same for standard error
  /// A terminal that becomes the program's own, in a session of its own, and its standard input,
  /// output and error where no file is given.
  std::string terminal;
  std::optional<bool>
      randomize;  ///< whether addresses are randomized; without it as the system has it
};

}  // namespace clew
