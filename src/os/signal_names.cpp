#include "os/signal_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <charconv>
#include <csignal>

namespace clew::os {
namespace {

constexpr int last_signal = 64;  // the kernel's _NSIG on x86 and arm64

// SIGRTMIN as a program under the GNU C library knows it; the kernel's own is 32, but two are taken
// by the threads library (nptl(7)). The macro would ask clew's C library, not the target's.
constexpr int first_realtime = 34;

// Indexed by the number less one; signal(7), column "x86/ARM".
constexpr std::array<std::string_view, 31> standard_names = {
    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
static_assert(standard_names[SIGSEGV - 1] == "SEGV" && standard_names[SIGSYS - 1] == "SYS");

struct Alias {
  std::string_view name;
  int signal;
};
constexpr Alias aliases[] = {
    {"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"POLL", SIGIO}, {"UNUSED", SIGSYS}};

std::string short_name(int signal) {
  if (signal >= 1 && signal <= int(standard_names.size())) {
    return std::string(standard_names[size_t(signal) - 1]);
  }
  if (signal == first_realtime) return "RTMIN";
  if (signal > first_realtime && signal <= last_signal) {
    return fmt::format("RTMIN+{}", signal - first_realtime);
  }
  return fmt::format("{}", signal);
}

/// @return the decimal number that is all of `text`; nullopt for anything else, a sign included.
std::optional<int> parse_digits(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int> in_range(std::optional<int> signal, int first = 1) {
  return signal && *signal >= first && *signal <= last_signal ? signal : std::nullopt;
}

/// Reads what follows RTMIN or RTMAX: nothing, or `sign` and a number.
std::optional<int> realtime_number(std::string_view rest, char sign, int base) {
  if (rest.empty()) return base;
  if (rest[0] != sign) return std::nullopt;
  const std::optional<int> distance = parse_digits(rest.substr(1));
  if (!distance || *distance > last_signal) return std::nullopt;
  return in_range(sign == '+' ? base + *distance : base - *distance, first_realtime);
}

}  // namespace

std::string signal_name(int signal) { return "SIG" + short_name(signal); }

std::optional<int> signal_number(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return char(std::toupper(c)); });
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (const auto number = parse_digits(name)) return in_range(number);
  if (name.starts_with("RTMIN")) return realtime_number(name.substr(5), '+', first_realtime);
  if (name.starts_with("RTMAX")) return realtime_number(name.substr(5), '-', last_signal);
  const auto found = std::find(standard_names.begin(), standard_names.end(), name);
  if (found != standard_names.end()) return int(found - standard_names.begin()) + 1;
  for (const Alias& alias : aliases) {
    if (alias.name == name) return alias.signal;
  }
  return std::nullopt;
}

std::string format_sigset(uint64_t mask) {
  const bool inverted = std::popcount(mask) > last_signal / 2;
  if (inverted) mask = ~mask;
  std::string text = inverted ? "~[" : "[";
  const size_t start = text.size();
  for (; mask != 0; mask &= mask - 1) {
    if (text.size() != start) text += ' ';
    text += short_name(std::countr_zero(mask) + 1);
  }
  return text + ']';
}

bool is_stop_signal(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

}  // namespace clew::os
