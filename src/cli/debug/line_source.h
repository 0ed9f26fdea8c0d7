#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"

namespace clew::cli {

/// Where command lines come from: a person at a terminal, or a pipe or file.
class LineSource {
 public:
  /// What the line editor asks of its owner.
  class Host {
   public:
    virtual ~Host() = default;
    virtual std::string prompt() = 0;
    /// Whole words that could stand in place of the last word of `line`.
    virtual std::vector<std::string> completions(std::string_view line) = 0;
    /// Attends to signals, and prints what has come in. @return true when something is (to be)
    /// printed, so that the edited line has to be drawn again after it.
    virtual bool has_news() = 0;
    virtual void print_news() = 0;
    /// Ctrl-C at the prompt. @return true when it was meant for the target, false when for the
    /// line.
    virtual bool interrupt() = 0;
  };

  virtual ~LineSource() = default;

  /// @return the next line without its end; nothing at the end of the input or when clew must
  /// leave.
  virtual std::optional<std::string> next() = 0;
};

/// Standard input through libedit, with history and completion.
std::unique_ptr<LineSource> terminal_lines(Console& console, LineSource::Host& host);

/// Standard input as it comes.
std::unique_ptr<LineSource> piped_lines(Console& console, LineSource::Host& host);

}  // namespace clew::cli
