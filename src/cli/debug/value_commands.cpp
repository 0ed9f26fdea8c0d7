// print, locals, args, whatis, display, and info locals and args.

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/code_position.h"
#include "cli/debug/command_list.h"
#include "cli/debug/info_topics.h"
#include "cli/debug/memory_view.h"
#include "cli/debug/settings.h"
#include "lang/expression.h"
#include "lang/type_definition.h"
#include "value/type_text.h"
#include "view/memory_dump.h"

namespace clew::cli {
namespace {

/// "-r EXPR" is what "/r EXPR" is.
std::string take_raw(const std::string& text, std::string& suffix) {
  if (!text.starts_with("-r ") && text != "-r") return text;
  suffix += 'r';
  const size_t start = std::min(text.find_first_not_of(' ', 2), text.size());
  return text.substr(start);
}

/// With its number in the history.
Status show_value(Debugger& debugger, lang::Environment& scope, const value::Value& value,
                  value::PrintOptions options) {
  options.pointer_types = true;
  const std::string shown = value_text(value, scope.printers(), options);
  const size_t number = debugger.history().add(value);
  debugger.console().out_paged(fmt::format("${} = {}\n", number, shown));
  return {};
}

Status print_value(Debugger& debugger, const Arguments& arguments) {
  std::string suffix = arguments.suffix;
  std::string text = take_raw(arguments.text, suffix);
  const auto for_this = take_print_options(debugger, text);
  if (!for_this) return tl::unexpected(for_this.error());
  const auto options = options_with(*for_this, suffix);
  if (!options) return tl::unexpected(options.error());
  return with_names(debugger, [&](lang::Environment& scope) -> Status {
    const auto value = lang::evaluate(text.empty() ? "$" : text, scope);
    if (!value) return tl::unexpected(value.error());
    return show_value(debugger, scope, *value, *options);
  });
}

/// What print does, but the result is only shown when there is one.
Status call_function(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty())
    return fail(ErrorCode::bad_request, "call what? `call FUNCTION(ARGUMENTS)`, as in call f(1)");
  if (auto begun = begin_values(debugger); !begun) return begun;
  const auto options = options_with(debugger.view.options, arguments.suffix);
  if (!options) return tl::unexpected(options.error());
  ValueScope scope = debugger.value_scope();
  const auto value = lang::evaluate(arguments.text, scope);
  if (!value) return tl::unexpected(value.error());
  if (value->type()->stripped()->kind() == value::TypeKind::nothing) return {};
  return show_value(debugger, scope, *value, *options);
}

Status what_is(Debugger& debugger, const Arguments& arguments) {
  if (auto begun = begin_values(debugger); !begun) return begun;
  ValueScope scope = debugger.value_scope();
  const auto expression = lang::Expression::parse(
      arguments.text.empty() ? "$" : arguments.text, scope.language(),
      [&](const std::string& name) { return scope.classify(name); }, true);
  if (!expression) return tl::unexpected(expression.error());
  auto type = expression->type(scope);
  if (!type) return tl::unexpected(type.error());
  // As in gdb: of a type's name one step behind the alias, unless nothing has a name there.
  if (expression->is_type() && (*type)->kind() == value::TypeKind::alias &&
      scope.language() != lang::Language::go && !value::is_nameless(*(*type)->target())) {
    type = (*type)->target();
  }
  debugger.console().out(fmt::format("type = {}\n", value::type_text(*type)));
  return {};
}

Status show_type(Debugger& debugger, const Arguments& arguments) {
  if (auto begun = begin_values(debugger); !begun) return begun;
  if (!arguments.suffix.empty() && arguments.suffix != "o")
    return fail(ErrorCode::bad_request, "usage: ptype[/o] EXPRESSION | TYPE");
  ValueScope scope = debugger.value_scope();
  const auto expression = lang::Expression::parse(
      arguments.text.empty() ? "$" : arguments.text, scope.language(),
      [&](const std::string& name) { return scope.classify(name); }, true);
  if (!expression) return tl::unexpected(expression.error());
  const auto type = expression->type(scope);
  if (!type) return tl::unexpected(type.error());
  debugger.console().out_paged(arguments.suffix.empty() ? lang::type_definition(*type)
                                                        : lang::type_layout(*type));
  return {};
}

/// The variables that a frame would have at a location, and where each would be.
Status show_scope(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: info scope LOCATION");
  const auto locations = find_locations(debugger, arguments.text);
  if (!locations) return tl::unexpected(locations.error());
  const Addr at = locations->front().stop;
  arch::GeneralRegisters registers{};
  registers.set_word(arch::native().pc, at.value);
  const auto frame = debugger.values().frame_of({}, registers);
  if (frame == nullptr || frame->module() == nullptr)
    return fail(ErrorCode::not_found, "no variables are known there");
  const value::FrameScope scope = value::scope_of(*frame);
  std::string text;
  for (const auto* const list : {&scope.parameters, &scope.locals}) {
    for (const value::Variable& variable : *list) {
      const value::Type* const type =
          debugger.values().types().type_of(frame->module()->module, variable.die);
      text += fmt::format("{}, {}{}\n", value::declaration(type, printable(variable.name)),
                          variable.is_parameter ? "an argument" : "a local variable",
                          variable.line == 0 ? "" : fmt::format(" of line {}", variable.line));
    }
  }
  debugger.console().out_paged(text.empty() ? "no variables\n" : text);
  return {};
}

Status show_variables(Debugger& debugger, const Arguments& arguments, VariableGroup group) {
  const auto session = debugger.held_session();
  if (!session) return tl::unexpected(session.error());
  std::string suffix = arguments.suffix;
  if (const std::string rest = take_raw(arguments.text, suffix); !rest.empty()) {
    return fail(ErrorCode::bad_request,
                fmt::format("\"{}\" is not understood: `print` shows one value", printable(rest)));
  }
  const auto options = options_with(debugger.view.options, suffix);
  if (!options) return tl::unexpected(options.error());
  ValueScope scope = debugger.value_scope();
  if (scope.frame() == nullptr) {
    const auto frame = debugger.values().selected_frame();
    return frame ? Status{} : tl::unexpected(frame.error());
  }
  if (scope.frame()->function().die.addr == nullptr) {
    return fail(ErrorCode::not_found,
                "no variables are known here: the function has no debug information");
  }
  const std::string text = variable_lines(scope, group, *options, "");
  const std::string_view none =
      group == VariableGroup::locals ? "no local variables\n" : "no arguments\n";
  debugger.console().out_paged(text.empty() ? std::string(none) : text);
  return {};
}

Status show_locals(Debugger& debugger, const Arguments& arguments) {
  return show_variables(debugger, arguments, VariableGroup::locals);
}

Status show_arguments(Debugger& debugger, const Arguments& arguments) {
  return show_variables(debugger, arguments, VariableGroup::parameters);
}

Status display(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) {
    for (const std::string& line : display_lines(debugger)) debugger.console().out(line + "\n");
    return {};
  }
  if (auto begun = begin_values(debugger); !begun) return begun;
  if (is_memory_format(arguments.suffix)) {
    if (const auto format = parse_memory_format(arguments.suffix, {}); !format)
      return tl::unexpected(format.error());
  } else if (const auto options = options_with(debugger.view.options, arguments.suffix); !options) {
    return tl::unexpected(options.error());
  }
  ValueScope scope = debugger.value_scope();
  // What cannot be read as an expression now never can; what has no value now may have one later.
  const auto parsed =
      lang::Expression::parse(arguments.text, scope.language(),
                              [&](const std::string& name) { return scope.classify(name); });
  if (!parsed) return tl::unexpected(parsed.error());
  auto& all = debugger.view.displays;
  all.push_back({debugger.view.next_display++, arguments.text, arguments.suffix});
  debugger.console().out(display_lines(debugger).back() + "\n");
  return {};
}

/// Runs `change` for each display of a list of numbers, or for all.
Status for_each_display(Debugger& debugger, const Arguments& arguments,
                        const std::function<void(Display&)>& change) {
  auto& all = debugger.view.displays;
  std::vector<unsigned> numbers;
  for (const std::string& word : arguments.words) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool is_known = error == std::errc() && end == word.data() + word.size() &&
                          std::any_of(all.begin(), all.end(),
                                      [&](const Display& one) { return one.number == number; });
    if (!is_known) {
      return fail(ErrorCode::not_found,
                  fmt::format("there is no display {}: see `info display`", printable(word)));
    }
    numbers.push_back(number);
  }
  for (Display& one : all) {
    if (numbers.empty() || std::find(numbers.begin(), numbers.end(), one.number) != numbers.end())
      change(one);
  }
  return {};
}

Status undisplay(Debugger& debugger, const Arguments& arguments) {
  auto done = for_each_display(debugger, arguments, [](Display& one) { one.expression.clear(); });
  std::erase_if(debugger.view.displays, [](const Display& one) { return one.expression.empty(); });
  return done;
}

Status show_displays(Debugger& debugger, const Arguments&) {
  std::string text;
  for (const Display& one : debugger.view.displays) {
    text += fmt::format("{}: {}{}\n", one.number, one.suffix.empty() ? "" : "/" + one.suffix + " ",
                        printable(one.expression));
  }
  debugger.console().out(text.empty() ? "no displays\n" : text);
  return {};
}

const DebugCommand value_list[] = {
    {"print",
     {"p", "inspect"},
     "[/FMT] [-OPTION... --] [EXPRESSION]",
     "the value of an expression",
     "An expression is written as in the language of the selected frame: a->b[2].c, (node*)p, "
     "ns::x, *p@4, a[1:4]; of Go m[\"key\"].F, x.(*T), pkg.Var.\n"
     "$rax and the like are registers, $1 and $ values shown before, other $names your own "
     "variables: print $n = 3.\n"
     "FMT is x d u o t a c f s z; r (or print -r) shows the fields of containers as they are. An "
     "assignment in it is made.\n"
     "OPTION is one of `set print`, for this time: print -elements 3 -pretty -- v.",
     print_value,
     true,
     prepare_names},
    {"call",
     {},
     "[/FMT] EXPRESSION",
     "call a function of the program in the selected thread, and show what it returns",
     "As in call f(1, \"text\"), call object.g(), print f(2) + 1. The other threads are held. "
     "Afterwards the\nthread is as it was before: registers, signals, the system call that it was "
     "in. "
     "A call that crashes,\nruns into a breakpoint or does not return in time (`set call-timeout`) "
     "is undone in the same way.\nWhat it has changed in memory, locked or written stays.",
     call_function,
     true,
     prepare_names},
    {"locals", {}, "[/FMT]", "the local variables of the selected frame", "", show_locals, true},
    {"args", {}, "[/FMT]", "the arguments of the selected frame", "", show_arguments, true},
    {"whatis",
     {},
     "EXPRESSION | TYPE",
     "the type of an expression",
     "",
     what_is,
     true,
     prepare_names},
    {"ptype",
     {},
     "[/o] EXPRESSION | TYPE",
     "what a type is made of; /o: where each member lies, with the holes",
     "",
     show_type,
     true,
     prepare_names},
    {"display",
     {},
     "[/FMT] [EXPRESSION]",
     "show the value of an expression at every stop, or all such values now",
     "With a format of `x` that print has no use for, memory is shown: display/i $pc, display/4xg "
     "$sp.",
     display,
     true},
    {"undisplay", {}, "[NUMBER...]", "show them no more", "", undisplay},
};

const InfoTopic value_topic_list[] = {
    {"locals", 2, "", "the local variables of the selected frame", show_locals},
    {"args", 2, "", "the arguments of the selected frame", show_arguments},
    {"scope", 2, "LOCATION", "the variables that there are at a location", show_scope},
    {"display", 1, "", "what is shown at every stop", show_displays},
};

}  // namespace

std::span<const DebugCommand> value_commands() { return value_list; }
std::span<const InfoTopic> value_topics() { return value_topic_list; }

}  // namespace clew::cli
