#pragma once

#include <sys/types.h>
#include <termios.h>

#include <atomic>
#include <csignal>
#include <memory>

#include "base/unique_fd.h"

namespace clew::os {

/// clew's controlling terminal, lent to the process group of a program while that runs, so that the
/// program reads it and gets its signals as under a shell (termios(3), credentials(7)). Each of the
/// two has settings of its own, which are put in force with it.
///
/// When clew dies without a word, the kernel leaves the terminal with the program's group. A shell
/// with job control takes it back by itself. For all others (a shell that runs a script and waits
/// for clew) a small process of clew's own waits for that death and does it.
class TerminalShare {
 public:
  /// @return nothing when clew has no controlling terminal.
  static std::unique_ptr<TerminalShare> open();
  /// Takes the terminal back.
  ~TerminalShare();
  TerminalShare(const TerminalShare&) = delete;
  TerminalShare& operator=(const TerminalShare&) = delete;

  /// Lends it to a process group of clew's session, to be called before the program runs.
  /// @return false, with nothing changed, when it is not clew's to lend: clew is in the background.
  bool lend(pid_t group);
  /// Takes it back, unless somebody else (the shell that clew was started from) has taken it
  /// meanwhile. Does nothing when it is not lent.
  void take_back();
  bool is_lent() const { return lent_; }
  /// The next lend() is to another program: it begins with clew's settings.
  void forget_program();

 private:
  /// What clew and its guard both see.
  struct Shared {
    std::atomic<pid_t> lent_to;  ///< 0: not lent
    pid_t own_group;
    termios own_settings;
  };

  TerminalShare(UniqueFd terminal, Shared* shared);
  void start_guard();
  [[noreturn]] static void guard(int terminal, int life, const Shared& shared);
  void stop_guard();
  void block_output_signal();
  void unblock_output_signal();

  UniqueFd terminal_;
  Shared* shared_;
  UniqueFd life_;  ///< closed when clew ends, in whatever way: the guard's sign
  pid_t guard_ = 0;
  bool lent_ = false;
  bool was_blocked_ = false;
  /// What the program had when the terminal was taken back.
  pid_t program_group_ = 0;
  bool has_program_settings_ = false;
  termios program_settings_{};
};

}  // namespace clew::os
