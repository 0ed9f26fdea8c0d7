#include "cli/debug/value_view.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/debug/debugger.h"
#include "cli/debug/memory_view.h"
#include "lang/expression.h"
#include "value/dwarf_read.h"
#include "value/locator.h"

namespace clew::cli {
namespace {

constexpr std::pair<char, value::Format> formats[] = {
    {'x', value::Format::hex},
    {'d', value::Format::decimal},
    {'u', value::Format::unsigned_decimal},
    {'o', value::Format::octal},
    {'t', value::Format::binary},
    {'c', value::Format::character},
    {'a', value::Format::address},
    {'s', value::Format::string},
    {'f', value::Format::floating},
    {'z', value::Format::hex_padded},
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string line_of(ValueScope& scope, const value::Variable& variable,
                    const value::PrintOptions& options, const std::string& indent) {
  const value::Value value = value::Locator(scope.target(), scope.frame())
                                 .variable(*scope.frame()->module(), variable.die);
  return fmt::format(
      "{}{} = {}\n", indent, variable_name(variable, *scope.frame()),
      value_text(value, scope.printers(), options, static_cast<unsigned>(indent.size())));
}

}  // namespace

Result<value::PrintOptions> options_with(const value::PrintOptions& options,
                                         std::string_view suffix) {
  value::PrintOptions changed = options;
  for (const char letter : suffix) {
    if (letter == 'r') {
      changed.raw = true;
      continue;
    }
    const auto known = std::find_if(std::begin(formats), std::end(formats),
                                    [&](const auto& format) { return format.first == letter; });
    if (known == std::end(formats)) {
      return fail(ErrorCode::bad_request,
                  fmt::format("\"/{}\" is no format: a letter of x d u o t a c f s z, and r for "
                              "the fields as they are",
                              printable(suffix)));
    }
    changed.format = known->second;
  }
  return changed;
}

std::string variable_lines(ValueScope& scope, VariableGroup group,
                           const value::PrintOptions& options, const std::string& indent) {
  if (scope.frame() == nullptr || scope.frame()->module() == nullptr) return {};
  std::string text;
  const value::FrameScope& all = scope.scope();
  const auto& wanted = group == VariableGroup::parameters ? all.parameters : all.locals;
  for (const value::Variable& variable : wanted) {
    // Arguments of the compiler's own making have a name when a person can use them (this).
    if (variable.name.empty() && group == VariableGroup::locals) continue;
    text += line_of(scope, variable, options, indent);
  }
  return text;
}

std::string argument_list(ValueScope& scope, const value::PrintOptions& options) {
  if (scope.frame() == nullptr || scope.frame()->module() == nullptr ||
      scope.frame()->function().die.addr == nullptr) {
    return {};
  }
  std::string text;
  for (const value::Variable& parameter : scope.scope().parameters) {
    if (parameter.is_result) continue;
    if (!text.empty()) text += ", ";
    const value::Value value = value::Locator(scope.target(), scope.frame())
                                   .variable(*scope.frame()->module(), parameter.die);
    text += fmt::format("{}={}", printable(parameter.name),
                        brief_text(value, scope.printers(), options));
  }
  return "(" + text + ")";
}

Status begin_values(Debugger& debugger) {
  if (const auto held = debugger.held_session(); held) return {};
  if (const auto session = debugger.session(); !session) return tl::unexpected(session.error());
  return {};
}

Status with_names(Debugger& debugger, const std::function<Status(lang::Environment&)>& use) {
  if (auto begun = begin_values(debugger); !begun)
    return debugger.session() ? begun : use(debugger.no_process());
  ValueScope scope = debugger.value_scope();
  return use(scope);
}

std::vector<std::string> display_lines(Debugger& debugger) {
  std::vector<std::string> lines;
  for (const Display& display : debugger.view.displays) {
    if (!display.enabled) continue;
    const std::string format = display.suffix.empty() ? "" : "/" + display.suffix + " ";
    if (is_memory_format(display.suffix)) {
      auto text = memory_text(debugger, display.suffix, display.expression);
      if (text && text->ends_with('\n')) text->pop_back();
      const std::string shown = text ? "\n" + *text : " = <" + first_line(text.error().text) + ">";
      lines.push_back(
          fmt::format("{}: x{}{}{}", display.number, format, printable(display.expression), shown));
      continue;
    }
    const auto options = options_with(debugger.view.options, display.suffix);
    ValueScope scope = debugger.value_scope();
    const auto value = lang::evaluate(display.expression, scope);
    std::string shown;
    if (!options || !value) {
      const std::string& error = options ? value.error().text : options.error().text;
      shown = "<" + first_line(error) + ">";
    } else {
      value::PrintOptions with_types = *options;
      with_types.pointer_types = true;
      shown = value_text(*value, scope.printers(), with_types);
    }
    lines.push_back(
        fmt::format("{}: {}{} = {}", display.number, format, printable(display.expression), shown));
  }
  return lines;
}

}  // namespace clew::cli
