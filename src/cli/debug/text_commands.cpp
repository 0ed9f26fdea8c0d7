// echo, output and printf: text as the user wants it, for scripts.

#include <fmt/format.h>
#include <fmt/printf.h>

#include <algorithm>

#include "base/printable.h"
#include "cli/debug/command_list.h"
#include "cli/debug/typed_line.h"
#include "lang/expression.h"
#include "lang/own_functions.h"

namespace clew::cli {
namespace {

/// Nobody wants more blanks or digits than that, and whoever asks for them has made a mistake.
constexpr unsigned most_width = 4096;

/// What stands behind a backslash, as in C and gdb. `at` is behind it, and is moved on.
std::string take_escape(std::string_view text, size_t& at) {
  // At the end of a line it only keeps the blanks in front of it.
  if (at == text.size()) return {};
  const char letter = text[at++];
  constexpr std::string_view letters = "abfnrtve";
  constexpr std::string_view codes = "\a\b\f\n\r\t\v\x1b";
  if (const size_t i = letters.find(letter); i != letters.npos) return {codes[i]};
  if (letter < '0' || letter > '7') return {letter};
  unsigned code = 0;
  --at;
  for (size_t i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i)
    code = code * 8 + static_cast<unsigned>(text[at++] - '0');
  return {static_cast<char>(code)};
}

Status echo(Debugger& debugger, const Arguments& arguments) {
  std::string text;
  for (size_t at = 0; at < arguments.text.size();) {
    const char c = arguments.text[at++];
    text += c == '\\' ? take_escape(arguments.text, at) : std::string(1, c);
  }
  debugger.console().out(text);
  return {};
}

/// The value alone: without a number, and with no end of the line.
Status output(Debugger& debugger, const Arguments& arguments) {
  if (arguments.text.empty()) return fail(ErrorCode::bad_request, "usage: output[/FMT] EXPRESSION");
  auto options = options_with(debugger.view.options, arguments.suffix);
  if (!options) return tl::unexpected(options.error());
  options->pointer_types = true;
  return with_names(debugger, [&](lang::Environment& scope) -> Status {
    const auto value = lang::evaluate(arguments.text, scope);
    if (!value) return tl::unexpected(value.error());
    debugger.console().out(value_text(*value, scope.printers(), *options));
    return {};
  });
}

/// What comes from the program is not to steer the terminal; lines and tabs are harmless.
std::string printable_lines(std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("\n\t", at), text.size());
    shown += printable(text.substr(at, end - at));
    if (end < text.size()) shown += text[end];
    at = end + 1;
  }
  return shown;
}

/// One "%…" of a format.
struct Conversion {
  std::string flags;  ///< with width and precision
  bool is_long = false, is_short = false, is_tiny = false;
  char letter = 0;
};

tl::unexpected<Error> wrong_format(std::string_view why) {
  return fail(ErrorCode::bad_request, fmt::format("the format is not understood: {}", why));
}

/// `at` is behind the '%', and is moved on.
Result<Conversion> take_conversion(std::string_view format, size_t& at) {
  Conversion found;
  unsigned number = 0;
  while (at < format.size() &&
         std::string_view("-+ #0123456789.").find(format[at]) != format.npos) {
    const char c = format[at++];
    found.flags += c;
    const bool is_digit = c >= '0' && c <= '9';
    number = is_digit ? number * 10 + static_cast<unsigned>(c - '0') : 0;
    if (number > most_width)
      return wrong_format(fmt::format("a width of more than {}", most_width));
  }
  for (; at < format.size() && std::string_view("hlqjztL").find(format[at]) != format.npos; ++at) {
    if (format[at] == 'h') {
      found.is_tiny = found.is_short;
      found.is_short = true;
    } else {
      found.is_long = true;
    }
  }
  if (at == format.size()) return wrong_format("there is nothing behind the last %");
  found.letter = format[at++];
  if (std::string_view("diuxXocspfFeEgGaAV").find(found.letter) == format.npos) {
    return wrong_format(
        fmt::format("there is no %{}", printable(std::string_view(&found.letter, 1))));
  }
  return found;
}

/// @return bad_request for flags that make no sense, alone or for this kind of value.
template <typename T>
Result<std::string> formatted(const Conversion& how, T value) {
  const std::string conversion = "%" + how.flags + how.letter;
  try {
    return fmt::sprintf(conversion, value);
  } catch (const fmt::format_error& error) {
    return wrong_format(fmt::format("\"{}\": {}", conversion, error.what()));
  }
}

Result<std::string> formatted_integer(const Conversion& how, const value::Value& value) {
  const auto number = lang::number_of(value);
  if (!number) return tl::unexpected(number.error());
  if (how.is_long) {
    return how.letter == 'd' || how.letter == 'i'
               ? formatted(how, static_cast<long long>(*number))
               : formatted(how, static_cast<unsigned long long>(*number));
  }
  if (how.letter == 'd' || how.letter == 'i') {
    if (how.is_tiny) return formatted(how, static_cast<int>(static_cast<signed char>(*number)));
    if (how.is_short) return formatted(how, static_cast<int>(static_cast<short>(*number)));
    return formatted(how, static_cast<int>(*number));
  }
  if (how.is_tiny) return formatted(how, static_cast<unsigned>(static_cast<uint8_t>(*number)));
  if (how.is_short) return formatted(how, static_cast<unsigned>(static_cast<uint16_t>(*number)));
  return formatted(how, static_cast<unsigned>(*number));
}

Result<std::string> formatted_value(const Conversion& how, const value::Value& value,
                                    lang::Environment& scope, const value::PrintOptions& options) {
  switch (how.letter) {
    case 's': {
      auto text = lang::text_of(scope, value);
      if (!text) return tl::unexpected(text.error());
      return formatted(how, printable_lines(*text));
    }
    case 'V':
      return value_text(value, scope.printers(), options);
    case 'c': {
      const auto number = value.as_unsigned();
      if (!number) return tl::unexpected(number.error());
      Conversion as_text = how;
      as_text.letter = 's';
      return formatted(as_text, printable_lines(std::string(1, static_cast<char>(*number))));
    }
    case 'p': {
      const auto number = lang::number_of(value);
      if (!number) return tl::unexpected(number.error());
      Conversion as_text = how;
      as_text.letter = 's';
      return formatted(as_text,
                       *number == 0 ? std::string("(nil)") : fmt::format("{:#x}", *number));
    }
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
    case 'a':
    case 'A': {
      const auto number = value.as_floating();
      if (!number) return tl::unexpected(number.error());
      return how.is_long ? formatted(how, *number) : formatted(how, static_cast<double>(*number));
    }
    default:
      return formatted_integer(how, value);
  }
}

/// What follows the format, between commas that are in no brackets and no text. @return
/// bad_request.
Result<std::vector<std::string>> split_expressions(std::string_view text) {
  std::vector<std::string> parts;
  int depth = 0;
  char quote = 0;
  std::string part;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == '\\' && at + 1 < text.size()) part += text[at++];
      if (text[at] == quote && c != '\\') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      parts.push_back(std::move(part));
      part.clear();
      continue;
    }
    part += text[at];
  }
  if (quote != 0) return fail(ErrorCode::bad_request, "a text is not ended");
  parts.push_back(std::move(part));
  return parts;
}

struct PrintRequest {
  std::string_view format;  ///< what stands between the quotes
  std::vector<std::string> expressions;
};

Result<PrintRequest> parse_print(std::string_view text) {
  constexpr std::string_view usage = "usage: printf \"FORMAT\", EXPRESSION, ...";
  if (!text.starts_with('"')) return fail(ErrorCode::bad_request, std::string(usage));
  size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return fail(ErrorCode::bad_request, "the format has no closing \"");
  PrintRequest request;
  request.format = text.substr(1, end - 1);
  std::string_view rest = trimmed(text.substr(end + 1));
  if (rest.empty()) return request;
  if (!rest.starts_with(',')) return fail(ErrorCode::bad_request, std::string(usage));
  auto expressions = split_expressions(rest.substr(1));
  if (!expressions) return tl::unexpected(expressions.error());
  request.expressions = std::move(*expressions);
  return request;
}

Status print_formatted(Debugger& debugger, const Arguments& arguments) {
  const auto request = parse_print(arguments.text);
  if (!request) return tl::unexpected(request.error());
  std::string text;
  size_t next = 0;
  const std::string_view format = request->format;
  for (size_t at = 0; at < format.size();) {
    const char c = format[at++];
    if (c == '\\') {
      text += take_escape(format, at);
      continue;
    }
    if (c != '%') {
      text += c;
      continue;
    }
    if (at < format.size() && format[at] == '%') {
      text += format[at++];
      continue;
    }
    const auto how = take_conversion(format, at);
    if (!how) return tl::unexpected(how.error());
    if (next == request->expressions.size())
      return fail(ErrorCode::bad_request, "the format wants more values than there are");
    const auto add = [&](lang::Environment& scope) -> Status {
      const auto value = lang::evaluate(request->expressions[next++], scope);
      if (!value) return tl::unexpected(value.error());
      const auto shown = formatted_value(*how, *value, scope, debugger.view.options);
      if (!shown) return tl::unexpected(shown.error());
      text += *shown;
      return {};
    };
    if (auto added = with_names(debugger, add); !added) return added;
  }
  if (next < request->expressions.size())
    return fail(ErrorCode::bad_request, "there are more values than the format shows");
  debugger.console().out(text);
  return {};
}

const DebugCommand text_list[] = {
    {"echo",
     {},
     "TEXT",
     "write a text; \\n ends a line",
     "The escapes are those of C. A backslash at the end keeps the blanks in front of it.",
     echo},
    {"output",
     {},
     "[/FMT] EXPRESSION",
     "write a value alone: no number, no end of the line",
     "",
     output,
     true,
     prepare_names},
    {"printf",
     {},
     "\"FORMAT\", EXPRESSION, ...",
     "write values as a format of C says",
     "%d %u %x %o %c %s %p %f %e %g as in C, %V as print shows it. %s takes std::string and Rust's "
     "texts as well.",
     print_formatted,
     true,
     prepare_names},
};

}  // namespace

std::span<const DebugCommand> text_commands() { return text_list; }

}  // namespace clew::cli
