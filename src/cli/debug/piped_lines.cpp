#include <unistd.h>

#include <cerrno>

#include "cli/debug/line_source.h"

namespace clew::cli {
namespace {

class PipedLines final : public LineSource {
 public:
  PipedLines(Console& console, Host& host) : console_(console), host_(host) {}

  std::optional<std::string> next() override {
    for (;;) {
      if (const size_t end = buffer_.find('\n'); end != std::string::npos) return take(end);
      if (at_end_) {
        if (buffer_.empty()) return std::nullopt;
        return take(buffer_.size());
      }
      // What came while something else was printed is here already, and wakes nobody again. News
      // without end keep nobody from being heard.
      const bool told = host_.has_news();
      if (told) host_.print_news();
      if (console_.must_leave() || console_.is_interrupted()) return std::nullopt;
      const Deadline until = told ? Deadline::after(Duration::zero()) : Deadline::never();
      if (console_.wait(STDIN_FILENO, until).input) fill();
    }
  }

 private:
  std::string take(size_t end) {
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return line;
  }

  void fill() {
    char chunk[4096];
    const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (n > 0) {
      buffer_.append(chunk, static_cast<size_t>(n));
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
      at_end_ = true;
    }
  }

  Console& console_;
  Host& host_;
  std::string buffer_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<LineSource> piped_lines(Console& console, LineSource::Host& host) {
  return std::make_unique<PipedLines>(console, host);
}

}  // namespace clew::cli
