#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cwchar>

#include "cli/debug/line_source.h"
#include "cli/xdg.h"
#include "os/make_directories.h"
#include "view/table.h"

namespace clew::cli {
namespace {

constexpr int history_size = 1000;

/// libedit with the event loop under it: while it waits for a key, the target's news are taken in
/// and shown.
class TerminalLines final : public LineSource {
 public:
  TerminalLines(Console& console, Host& host) : console_(console), host_(host) {
    editor_ = el_init("clew", stdin, stdout, stderr);
    history_ = history_init();
    HistEvent event;
    history(history_, &event, H_SETSIZE, history_size);
    history(history_, &event, H_SETUNIQUE, 1);
    if (const auto folder = state_directory(); folder && os::make_directories(*folder)) {
      history_file_ = *folder + "/history";
      history(history_, &event, H_LOAD, history_file_.c_str());
    }
    el_set(editor_, EL_CLIENTDATA, this);
    el_set(editor_, EL_PROMPT, prompt);
    el_set(editor_, EL_EDITOR, "emacs");
    el_set(editor_, EL_SIGNAL, 0);
    el_set(editor_, EL_HIST, history, history_);
    el_set(editor_, EL_GETCFN, read_key);
    el_set(editor_, EL_ADDFN, "clew-complete", "complete the word", complete);
    el_set(editor_, EL_BIND, "^I", "clew-complete", nullptr);
    el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  }

  ~TerminalLines() override {
    HistEvent event;
    if (!history_file_.empty()) {
      history(history_, &event, H_SAVE, history_file_.c_str());
    }
    history_end(history_);
    el_end(editor_);
  }
  TerminalLines(const TerminalLines&) = delete;
  TerminalLines& operator=(const TerminalLines&) = delete;

  std::optional<std::string> next() override {
    for (;;) {
      if (console_.must_leave()) return std::nullopt;
      broken_off_ = false;
      int count = 0;
      // Before the prompt is seen: what is typed at it must not meet the terminal's own editing, to
      // which Ctrl-D is no key.
      el_set(editor_, EL_PREP_TERM, 1);
      const char* line = el_gets(editor_, &count);
      if (broken_off_) {
        el_reset(editor_);
        continue;
      }
      if (line == nullptr || count <= 0) {
        std::fputs("\n", stdout);
        return std::nullopt;
      }
      std::string text(line, static_cast<size_t>(count));
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
      if (text.find_first_not_of(' ') != std::string::npos) {
        HistEvent event;
        history(history_, &event, H_ENTER, text.c_str());
      }
      return text;
    }
  }

 private:
  static TerminalLines& of(EditLine* editor) {
    void* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<TerminalLines*>(self);
  }

  static char* prompt(EditLine* editor) {
    TerminalLines& self = of(editor);
    self.prompt_ = self.host_.prompt();
    return self.prompt_.data();
  }

  static int read_key(EditLine* editor, wchar_t* key) { return of(editor).wait_for_key(key); }

  int wait_for_key(wchar_t* key) {
    std::mbstate_t state{};
    for (;;) {
      // What came while something else was printed is here already, and wakes nobody again. News
      // without end keep nobody from being heard.
      const bool told = host_.has_news();
      if (told) {
        std::fputs("\r\x1b[K", stdout);
        std::fflush(stdout);
        host_.print_news();
        el_set(editor_, EL_REFRESH);
      }
      if (console_.must_leave()) return 0;
      if (console_.take_interrupt()) {
        std::fputs("^C\n", stdout);
        std::fflush(stdout);
        host_.interrupt();
        broken_off_ = true;
        return -1;
      }
      const auto wake =
          console_.wait(STDIN_FILENO, told ? Deadline::after(Duration::zero()) : Deadline::never());
      for (const int signal : wake.signals) {
        if (signal == SIGWINCH) el_resize(editor_);
      }
      if (!wake.input) continue;
      char byte = 0;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n <= 0) return 0;
      const size_t decoded = std::mbrtowc(key, &byte, 1, &state);
      if (decoded == static_cast<size_t>(-2)) continue;  // the rest of the character is to come
      if (decoded == static_cast<size_t>(-1)) {
        state = {};
        *key = static_cast<unsigned char>(byte);
      }
      if (decoded == 0) *key = L'\0';
      return 1;
    }
  }

  static unsigned char complete(EditLine* editor, int) {
    TerminalLines& self = of(editor);
    const LineInfo* info = el_line(editor);
    const std::string line(info->buffer, info->cursor);
    const size_t word_at =
        line.find_last_of(" \t") == std::string::npos ? 0 : line.find_last_of(" \t") + 1;
    const std::string word = line.substr(word_at);
    std::vector<std::string> fits;
    for (std::string& candidate : self.host_.completions(line)) {
      if (candidate.starts_with(word)) fits.push_back(std::move(candidate));
    }
    std::sort(fits.begin(), fits.end());
    fits.erase(std::unique(fits.begin(), fits.end()), fits.end());
    if (fits.empty()) return CC_ERROR;
    std::string common = fits.front();
    for (const std::string& fit : fits) {
      const auto end = std::mismatch(common.begin(), common.end(), fit.begin(), fit.end()).first;
      common.erase(end, common.end());
    }
    if (fits.size() == 1) common += ' ';
    if (common.size() > word.size()) {
      el_insertstr(editor, common.c_str() + word.size());
      return CC_REFRESH;
    }
    self.list(fits);
    return CC_REDISPLAY;
  }

  void list(const std::vector<std::string>& words) {
    size_t widest = 0;
    for (const std::string& word : words) widest = std::max(widest, word.size());
    const size_t columns =
        std::max<size_t>(1, std::max<size_t>(console_.width(), 40) / (widest + 2));
    std::string text = "\n";
    for (size_t i = 0; i < words.size(); ++i) {
      text += words[i] + std::string(widest + 2 - words[i].size(), ' ');
      if ((i + 1) % columns == 0) text += '\n';
    }
    if (text.back() != '\n') text += '\n';
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  Console& console_;
  Host& host_;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
  std::string history_file_;
  std::string prompt_;
  bool broken_off_ = false;
};

}  // namespace

std::unique_ptr<LineSource> terminal_lines(Console& console, LineSource::Host& host) {
  return std::make_unique<TerminalLines>(console, host);
}

}  // namespace clew::cli
