#include "os/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/printable.h"

namespace clew::os {
namespace {

bool is_safe(char c) {
  static constexpr std::string_view others = "_@%+=:,./-";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != others.npos;
}

bool is_printable(std::string_view text) {
  while (!text.empty()) {
    const size_t length = printable_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_quoted(std::string& out, std::string_view argument) {
  out += '\'';
  for (const char c : argument) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  out += '\'';
}

void append_escaped(std::string& out, std::string_view argument) {
  out += "$'";
  while (!argument.empty()) {
    const size_t length = printable_length(argument);
    if (length == 0) {
      // Three octal digits are read alike by every shell; \x takes as many digits as follow in
      // some.
      fmt::format_to(std::back_inserter(out), "\\{:03o}", static_cast<uint8_t>(argument[0]));
    } else {
      if (argument[0] == '\'' || argument[0] == '\\') out += '\\';
      out += argument.substr(0, length);
    }
    argument.remove_prefix(std::max<size_t>(length, 1));
  }
  out += '\'';
}

}  // namespace

std::vector<std::string> split_command_line(std::string_view content) {
  std::vector<std::string> arguments;
  if (content.empty()) return arguments;
  if (content.back() == '\0') content.remove_suffix(1);
  for (;;) {
    const size_t end = content.find('\0');
    arguments.emplace_back(content.substr(0, end));
    if (end == content.npos) break;
    content.remove_prefix(end + 1);
  }
  // One empty argument at the end may be meant; many are what a written title has left.
  const auto last = std::find_if(arguments.rbegin(), arguments.rend(),
                                 [](const std::string& argument) { return !argument.empty(); });
  if (last - arguments.rbegin() > 1) arguments.erase(last.base(), arguments.end());
  return arguments;
}

std::vector<std::string> command_line(const ProcDir& proc) {
  const auto content = proc.read("cmdline");
  if (!content) return {};
  return split_command_line(*content);
}

std::string shell_quoted(const std::vector<std::string>& arguments) {
  std::string line;
  for (const std::string& argument : arguments) {
    if (&argument != arguments.data()) line += ' ';
    if (!argument.empty() && std::all_of(argument.begin(), argument.end(), is_safe)) {
      line += argument;
    } else if (is_printable(argument)) {
      append_quoted(line, argument);
    } else {
      append_escaped(line, argument);
    }
  }
  return line;
}

}  // namespace clew::os
