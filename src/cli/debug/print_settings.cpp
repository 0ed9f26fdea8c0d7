// set and show for how values are shown, and in which language expressions are written.

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "cli/debug/settings.h"

namespace clew::cli {
namespace {

using value::PrintOptions;

/// A number, or "unlimited", which is 0 in the options.
template <typename T>
Status set_limit(T& limit, const std::string& value, std::string_view name) {
  T number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value == "unlimited") {
    limit = 0;
  } else if (value.empty() || error != std::errc() || end != value.data() + value.size()) {
    return fail(ErrorCode::bad_request, fmt::format("usage: set {} N | unlimited", name));
  } else {
    limit = number;
  }
  return {};
}

std::string show_limit(uint64_t limit) {
  return limit == 0 ? std::string("unlimited\n") : fmt::format("{}\n", limit);
}

Status set_switch(bool& option, const std::string& value, std::string_view name) {
  if (value != "on" && value != "off" && !value.empty())
    return fail(ErrorCode::bad_request, fmt::format("usage: set {} on | off", name));
  option = value != "off";
  return {};
}

// What each option's two functions are made of.
template <auto Member>
Status set_number(Debugger& debugger, const std::string& value) {
  return set_limit(debugger.view.options.*Member, value, "print ...");
}
template <auto Member>
std::string show_number(Debugger& debugger) {
  return show_limit(debugger.view.options.*Member);
}
template <auto Member>
Status set_flag(Debugger& debugger, const std::string& value) {
  return set_switch(debugger.view.options.*Member, value, "print ...");
}
template <auto Member>
std::string show_flag(Debugger& debugger) {
  return debugger.view.options.*Member ? "on\n" : "off\n";
}

template <auto Member>
constexpr Setting number(std::string_view name, std::string_view summary) {
  return {name, "N | unlimited", summary, set_number<Member>, nullptr, show_number<Member>};
}
template <auto Member>
constexpr Setting flag(std::string_view name, std::string_view summary) {
  return {name, "on | off", summary, set_flag<Member>, nullptr, show_flag<Member>};
}

/// As in gdb it is the limit of strings too, as long as nobody has given them another one.
Status set_elements(Debugger& debugger, const std::string& value) {
  PrintOptions& options = debugger.view.options;
  const bool is_for_strings = options.string_length == options.elements;
  auto done = set_limit(options.elements, value, "print elements");
  if (done && is_for_strings) options.string_length = options.elements;
  return done;
}

Status set_depth(Debugger& debugger, const std::string& value) {
  unsigned depth = 0;
  if (auto done = set_limit(depth, value, "print max-depth"); !done) return done;
  debugger.view.options.depth = depth == 0 ? PrintOptions::most_depth : depth;
  return {};
}

std::string show_depth(Debugger& debugger) {
  return fmt::format("{}\n", debugger.view.options.depth);
}

Status set_language(Debugger& debugger, const std::string& value) {
  const auto language = lang::parse_language(value);
  if (!language && value != "auto")
    return fail(ErrorCode::bad_request, "usage: set language auto | c | c++ | rust | go");
  debugger.view.language = language;
  return {};
}

std::string show_language(Debugger& debugger) {
  const auto& language = debugger.view.language;
  return language ? std::string(lang::language_name(*language)) + "\n"
                  : std::string("auto: that of the selected frame\n");
}

Status set_call_timeout(Debugger& debugger, const std::string& value) {
  const auto duration = parse_duration(value);
  if (!duration) return tl::unexpected(duration.error());
  if (*duration <= Duration::zero())
    return fail(ErrorCode::bad_request, "usage: set call-timeout DURATION, as in 500ms");
  debugger.call_timeout = *duration;
  return {};
}

std::string show_call_timeout(Debugger& debugger) {
  return format_duration(debugger.call_timeout) + "\n";
}

const Setting print[] = {
    {"print elements", "N | unlimited",
     "how many elements of arrays and containers, and characters of strings, are shown",
     set_elements, nullptr, show_number<&PrintOptions::elements>},
    number<&PrintOptions::string_length>("print characters",
                                         "how many characters of strings are shown"),
    number<&PrintOptions::repeats>("print repeats", "from how many on equal neighbours are folded"),
    {"print max-depth", "N | unlimited", "how deep values within values are shown", set_depth,
     nullptr, show_depth},
    flag<&PrintOptions::pretty>("print pretty", "a line for each member"),
    flag<&PrintOptions::unions>("print union", "what is in unions within other values"),
    flag<&PrintOptions::static_members>("print static-members", "static members with the others"),
    flag<&PrintOptions::array_indexes>("print array-indexes", "the index in front of each element"),
    flag<&PrintOptions::null_stop>("print null-stop", "arrays of characters end at the first zero"),
    flag<&PrintOptions::symbols>("print symbol", "the names of what pointers point to"),
    flag<&PrintOptions::addresses>("print address", "the addresses in pointers and references"),
    flag<&PrintOptions::dynamic_types>("print object", "objects of C++ by what they really are"),
    flag<&PrintOptions::raw>("print raw", "the fields of containers as they are"),
    {"call-timeout", "DURATION", "how long a call of a function of the program may last",
     set_call_timeout, nullptr, show_call_timeout},
    {"language", "auto | c | c++ | rust | go", "the language of expressions", set_language, nullptr,
     show_language},
};

constexpr std::string_view print_word = "print ";

/// "-elements" and, as far as no other begins so, "-el".
Result<const Setting*> find_print_option(std::string_view word) {
  word.remove_prefix(1);
  const Setting* found = nullptr;
  for (const Setting& setting : print) {
    if (!setting.name.starts_with(print_word)) continue;
    const std::string_view name = setting.name.substr(print_word.size());
    if (name == word) return &setting;
    if (!name.starts_with(word)) continue;
    if (found != nullptr) {
      return fail(ErrorCode::bad_request, fmt::format("-{} could be -{} or -{}", printable(word),
                                                      found->name.substr(print_word.size()), name));
    }
    found = &setting;
  }
  if (found != nullptr) return found;
  return fail(ErrorCode::not_found, fmt::format("print has no option -{}: `show` lists what there "
                                                "is as `print …`",
                                                printable(word)));
}

/// Sets what `rest` begins with.
Status take_option(Debugger& debugger, std::string& rest) {
  const auto [word, behind] = split_first_word(rest);
  const auto setting = find_print_option(word);
  if (!setting) return tl::unexpected(setting.error());
  const auto [value, after_value] = split_first_word(behind);
  const bool is_number = (*setting)->usage.starts_with("N");
  const bool has_value = is_number || value == "on" || value == "off";
  auto done = (*setting)->set(debugger, has_value ? value : "");
  rest = has_value ? after_value : behind;
  return done;
}

Result<value::PrintOptions> options_of(Debugger& debugger, std::string& text) {
  std::string rest = text;
  while (rest.starts_with('-')) {
    if (auto [word, behind] = split_first_word(rest); word == "--") {
      text = std::move(behind);
      return debugger.view.options;
    }
    if (auto taken = take_option(debugger, rest); !taken) return tl::unexpected(taken.error());
  }
  return fail(ErrorCode::bad_request, "\"--\" is to stand between the options and the expression");
}

}  // namespace

Result<value::PrintOptions> take_print_options(Debugger& debugger, std::string& text) {
  const value::PrintOptions usual = debugger.view.options;
  // An expression may begin with a minus.
  const bool has_options =
      text.starts_with("-- ") || (text.starts_with('-') && text.find(" -- ") != text.npos);
  if (!has_options) return usual;
  auto options = options_of(debugger, text);
  debugger.view.options = usual;
  return options;
}

std::span<const Setting> print_settings() { return print; }

}  // namespace clew::cli
