#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/debug/debugger.h"

namespace clew::cli {

/// What `set NAME …`, `unset NAME …` and `show NAME` are about.
struct Setting {
  std::string_view name;
  std::string_view usage;    ///< what `set` takes behind the name
  std::string_view summary;  ///< one line
  Status (*set)(Debugger&, const std::string& value);
  /// nullptr when there is nothing to unset.
  Status (*unset)(Debugger&, const std::string& value);
  /// Its value in words, lines with their ends.
  std::string (*show)(Debugger&);
};

/// All of them, of every file that has some.
std::span<const Setting> settings();
std::span<const Setting> source_settings();
std::span<const Setting> step_settings();
std::span<const Setting> stop_settings();
std::span<const Setting> print_settings();

/// Takes the options of one print off the beginning of its text, "-elements 3 -pretty -- EXPR": the
/// settings of `set print`, up to a "--". @return the options for this print; bad_request.
Result<value::PrintOptions> take_print_options(Debugger& debugger, std::string& text);

/// By its whole name or, for `env`, `environment`. @return nullptr when there is none.
const Setting* find_setting(std::string_view name);

/// The setting that a text begins with (some have names of two words: "print elements"), and what
/// follows it. nullptr when there is none.
std::pair<const Setting*, std::string> split_setting(const std::string& text);

/// Splits "NAME rest" at the first space.
std::pair<std::string, std::string> split_first_word(const std::string& text);

}  // namespace clew::cli
