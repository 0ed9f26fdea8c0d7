#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lang/language.h"
#include "lang/printers.h"
#include "session/frame_variables.h"
#include "session/value_scope.h"
#include "value/rendering.h"

namespace clew::cli {

class Debugger;
struct Arguments;

/// What is shown again at every stop.
struct Display {
  unsigned number = 0;
  std::string expression;
  std::string suffix;  ///< of its format, as typed
  bool enabled = true;
};

/// How values are shown, and what the user wants to see of them, whatever process is attached.
struct ValueView {
  value::PrintOptions options;
  std::optional<lang::Language> language;  ///< nothing: that of the frame
  std::vector<Display> displays;
  unsigned next_display = 1;
};

/// The values of one attached process. The order is that of who uses whom.
struct ProcessValues {
  ProcessValues(Session& session, Symbols& symbols, ThreadStacks& stacks,
                Values::ReadNames read_names)
      : values(session, symbols, stacks, std::move(read_names)), printers(lang::all_printers()) {}

  Values values;
  value::PrinterSet printers;
  ValueHistory history;
};

/// The options of a command with a format behind its name: print/x, print/r, locals/x. @return
/// bad_request.
Result<value::PrintOptions> options_with(const value::PrintOptions& options,
                                         std::string_view suffix);

/// "a = 1\n" for each variable; `wanted` says which of a frame's.
enum class VariableGroup : uint8_t { parameters, locals };
std::string variable_lines(ValueScope& scope, VariableGroup group,
                           const value::PrintOptions& options, const std::string& indent);

/// "(argc=2, argv=0x7ffe…)", for a line of a backtrace: scalars by their values, the rest as "...".
std::string argument_list(ValueScope& scope, const value::PrintOptions& options);

/// Before an expression is evaluated. A script that has set breakpoints means the stop that it has
/// asked for; without one, what needs no stop can still be said.
Status begin_values(Debugger& debugger);

/// The same, and gives `use` what names mean: in the selected frame, or without a process, where
/// numbers and how the last one has ended still have a meaning.
Status with_names(Debugger& debugger, const std::function<Status(lang::Environment&)>& use);

/// What every display shows now, a line or more each.
std::vector<std::string> display_lines(Debugger& debugger);

}  // namespace clew::cli
