#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clew::os {

/// @return "SIGSEGV", "SIGRTMIN+3"; "SIG99" for a number that is no signal, and for 32 and 33,
/// which the C library keeps to itself.
std::string signal_name(int signal);

/// Reads a signal as a user writes it: "SIGINT", "INT", "int", "15", "SIGRTMIN+1", "RTMAX-2", and
/// the old names (IOT, CLD, POLL).
/// @return 1 to 64; nullopt when it names no signal.
std::optional<int> signal_number(std::string_view text);

/// Shows a signal set as the kernel keeps it: bit 0 is signal 1.
/// @return "[INT TERM]"; a set with more than half of all signals is shown by what it lacks,
/// "~[KILL STOP]".
std::string format_sigset(uint64_t mask);

/// @return whether the signal's default action is to stop the process: SIGSTOP, SIGTSTP, SIGTTIN,
/// SIGTTOU.
bool is_stop_signal(int signal);

}  // namespace clew::os
