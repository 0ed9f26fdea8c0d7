#include "cli/debug/value_view.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/debug/debugger.h"
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

std::string line_of(ValueScope& scope, const value::Variable& variable,
                    const value::PrintOptions& options, const std::string& indent) {
  const value::Value value = value::Locator(scope.target(), scope.frame())
                                 .variable(*scope.frame()->module(), variable.die);
  std::string name = variable.name.empty() ? "<unnamed>" : printable(variable.name);
  // Another one of this name stands for it in expressions.
  if (variable.is_hidden && scope.language() == lang::Language::go) name = "(" + name + ")";
  return fmt::format(
      "{}{} = {}\n", indent, name,
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

std::string value_text(const value::Value& value, const value::PrinterSet& printers,
                       const value::PrintOptions& options, unsigned indent) {
  const value::Rendering rendering = value::render(value, printers, options);
  return value::to_text(rendering, value::syntax_of(value.type()->language()), options, indent);
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
  value::PrintOptions short_options = options;
  short_options.pretty = false;
  short_options.pointer_types = false;
  short_options.follow = false;
  std::string text;
  for (const value::Variable& parameter : scope.scope().parameters) {
    if (parameter.is_result) continue;
    if (!text.empty()) text += ", ";
    const value::Value value = value::Locator(scope.target(), scope.frame())
                                   .variable(*scope.frame()->module(), parameter.die);
    const value::TypeKind kind = value.type()->stripped()->kind();
    // Maps, channels and functions of Go are pointers that show more than that.
    const bool is_text = value.type()->stripped()->go_kind() == value::GoKind::string;
    const bool shows_more = value::is_go(value.type()->stripped()->language()) &&
                            kind == value::TypeKind::pointer &&
                            scope.printers().find(value.type()) != nullptr;
    const bool is_short = (value.type()->is_scalar() && !shows_more) || value.is_absent() ||
                          is_text || kind == value::TypeKind::member_pointer;
    std::string shown = "...";
    if (value.is_absent()) {
      shown = "<optimised out>";
    } else if (is_short) {
      shown = value_text(value, scope.printers(), short_options);
    }
    text += fmt::format("{}={}", printable(parameter.name), shown);
  }
  return "(" + text + ")";
}

std::vector<std::string> display_lines(Debugger& debugger) {
  std::vector<std::string> lines;
  for (const Display& display : debugger.view.displays) {
    if (!display.enabled) continue;
    const std::string format = display.suffix.empty() ? "" : "/" + display.suffix + " ";
    const auto options = options_with(debugger.view.options, display.suffix);
    ValueScope scope = debugger.value_scope();
    const auto value = lang::evaluate(display.expression, scope);
    std::string shown;
    if (!options || !value) {
      const std::string& error = options ? value.error().text : options.error().text;
      shown = "<" + error.substr(0, error.find('\n')) + ">";
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
