#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/event_loop.h"
#include "view/style.h"

namespace clew::cli {

/// Standard output and error, written through the event loop: while a slow reader keeps clew
/// waiting, the kernel's news and the deadlines of a hold are still attended to.
class Console {
 public:
  explicit Console(os::EventLoop& loop);

  bool is_terminal() const { return terminal_; }
  const Style& style() const { return style_; }
  /// Columns of the terminal; 0 when the output is none.
  size_t width() const;
  /// Lines of the terminal; 0 when the output is none.
  size_t height() const;

  /// To standard output, as it is.
  void out(std::string_view text);
  /// The same a screen at a time when it is longer than the terminal is high and somebody is there
  /// to turn pages.
  void out_paged(std::string_view text);
  /// One line to standard error, with "clew: " before it.
  void error(std::string_view text);
  void warn(std::string_view text);
  /// Progress that a person may like to see and a script need not: to standard error when that is a
  /// terminal.
  void progress(std::string_view text);

  /// Makes writes that wait for a slow reader give up, for when the target must not wait for it;
  /// nothing is written until resume_output().
  void abandon_output() { abandoned_ = true; }
  void resume_output() { abandoned_ = false; }

  /// True when nobody reads standard output any more.
  bool is_broken() const { return broken_; }

  /// Sleeps until the input, a child, a signal or the deadline. Signals that ask to leave or to
  /// interrupt are kept in order, see take_interrupt() and leave_signal().
  os::EventLoop::Wake wait(int input_fd, const Deadline& until);

  /// SIGINT was sent since the last call (Ctrl-C).
  bool take_interrupt() { return std::exchange(interrupted_, false); }
  bool is_interrupted() const { return interrupted_; }
  /// Ctrl-C was typed where it does not reach clew as a signal.
  void note_interrupt() { interrupted_ = true; }
  /// The first of SIGTERM, SIGHUP, SIGQUIT, SIGPIPE that arrived; 0 when none. A broken standard
  /// output counts as SIGPIPE.
  int leave_signal() const { return leave_signal_; }
  bool must_leave() const { return leave_signal_ != 0; }

  /// Attends to what cannot wait while the console itself waits. Called after each of its sleeps.
  struct Attendant {
    std::function<Deadline()> next_deadline;
    std::function<void(std::span<const pid_t> named)> attend;
  };
  void set_attendant(Attendant attendant) { attendant_ = std::move(attendant); }

 private:
  void write(int fd, std::string_view text);
  bool turn_page();
  void note_signals(const os::EventLoop::Wake& wake);

  os::EventLoop& loop_;
  bool terminal_;
  bool error_terminal_;
  bool broken_ = false;
  bool abandoned_ = false;
  bool interrupted_ = false;
  int leave_signal_ = 0;
  bool lines_to_end_ = false;  ///< the reader asked for all the rest
  Style style_;
  Attendant attendant_;
};

}  // namespace clew::cli
