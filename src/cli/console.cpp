#include "cli/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace clew::cli {
namespace {

bool wants_colour(bool terminal) {
  // no-color.org: any value that is not empty turns colour off.
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* term = std::getenv("TERM");
  return terminal && (term == nullptr || std::string_view(term) != "dumb");
}

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

/// Keys one by one and unseen, for as long as it lives.
class RawKeys {
 public:
  RawKeys() {
    usable_ = tcgetattr(STDIN_FILENO, &old_) == 0;
    termios raw = old_;
    raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
    if (usable_) tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~RawKeys() {
    if (usable_) tcsetattr(STDIN_FILENO, TCSANOW, &old_);
  }
  RawKeys(const RawKeys&) = delete;
  RawKeys& operator=(const RawKeys&) = delete;

 private:
  bool usable_ = false;
  termios old_{};
};

}  // namespace

Console::Console(os::EventLoop& loop)
    : loop_(loop),
      terminal_(isatty(STDOUT_FILENO) == 1),
      error_terminal_(isatty(STDERR_FILENO) == 1),
      style_(wants_colour(terminal_)) {}

size_t Console::width() const { return terminal_ ? terminal_size().ws_col : 0; }

size_t Console::height() const { return terminal_ ? terminal_size().ws_row : 0; }

void Console::out(std::string_view text) { write(STDOUT_FILENO, text); }

void Console::error(std::string_view text) {
  write(STDERR_FILENO, fmt::format("clew: {}\n", text));
}

void Console::warn(std::string_view text) {
  write(STDERR_FILENO, fmt::format("clew: warning: {}\n", text));
}

void Console::progress(std::string_view text) {
  if (error_terminal_) write(STDERR_FILENO, text);
}

void Console::out_paged(std::string_view text) {
  const size_t lines_a_page = height();
  const bool can_page = terminal_ && isatty(STDIN_FILENO) == 1 && lines_a_page > 2;
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  if (!can_page || lines < lines_a_page) {
    out(text);
    return;
  }
  size_t at = 0;
  size_t shown = 0;
  while (at < text.size() && !must_leave()) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    out(text.substr(at, end - at));
    at = end;
    if (++shown % (lines_a_page - 1) == 0 && at < text.size()) {
      out(style_.faint(
          fmt::format("-- {} of {} lines: space for more, a for all, q to end --", shown, lines)));
      const bool more = turn_page();
      out("\r\x1b[K");
      if (!more) return;
      if (lines_to_end_) {
        out(text.substr(at));
        return;
      }
    }
  }
}

bool Console::turn_page() {
  const RawKeys raw;
  lines_to_end_ = false;
  for (;;) {
    if (must_leave() || take_interrupt()) return false;
    if (!wait(STDIN_FILENO, Deadline::never()).input) continue;
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') return false;
    if (key == 'a') lines_to_end_ = true;
    return true;
  }
}

void Console::write(int fd, std::string_view text) {
  // A pipe or a terminal that poll(2) calls writable takes PIPE_BUF bytes without blocking
  // (pipe(7)).
  constexpr size_t chunk = 4096;
  while (!text.empty() && !broken_ && !abandoned_) {
    os::EventLoop::WaitFor what;
    what.output_fd = fd;
    if (attendant_.next_deadline) what.until = attendant_.next_deadline();
    // Who wants to leave does not wait for a reader that does not read.
    const bool impatient = interrupted_ || must_leave();
    if (impatient) what.until = Deadline::after(Duration::zero());
    const auto wake = loop_.wait(what);
    note_signals(wake);
    if (attendant_.attend && (!wake.children.empty() || wake.timed_out))
      attendant_.attend(wake.children);
    if (!wake.output && impatient) return;
    if (!wake.output) continue;
    const ssize_t n = ::write(fd, text.data(), std::min(chunk, text.size()));
    if (n > 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EINTR && errno != EAGAIN) {
      if (fd != STDOUT_FILENO) return;
      broken_ = true;
      if (leave_signal_ == 0) leave_signal_ = SIGPIPE;
    }
  }
}

os::EventLoop::Wake Console::wait(int input_fd, const Deadline& until) {
  os::EventLoop::WaitFor what;
  what.input_fd = input_fd;
  what.until = until;
  if (attendant_.next_deadline) what.until = until.sooner(attendant_.next_deadline());
  auto wake = loop_.wait(what);
  note_signals(wake);
  if (attendant_.attend) attendant_.attend(wake.children);
  return wake;
}

void Console::note_signals(const os::EventLoop::Wake& wake) {
  for (const int signal : wake.signals) {
    if (signal == SIGINT) {
      interrupted_ = true;
    } else if (signal != SIGWINCH && leave_signal_ == 0) {
      leave_signal_ = signal;
    }
  }
}

}  // namespace clew::cli
