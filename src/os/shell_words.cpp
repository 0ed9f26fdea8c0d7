#include "os/shell_words.h"

#include <cstdint>

namespace clew::os {
namespace {

constexpr std::string_view blanks = " \t\n\r";

class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  Result<std::vector<std::string>> run() {
    for (;;) {
      rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
      if (rest_.empty()) return std::move(words_);
      word_.clear();
      while (!rest_.empty() && blanks.find(rest_.front()) == blanks.npos) {
        if (auto taken = take(); !taken) return tl::unexpected(taken.error());
      }
      words_.push_back(word_);
    }
  }

 private:
  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  Status take() {
    const char c = next();
    if (c == '\'') return take_plain();
    if (c == '"') return take_double();
    if (c == '$' && rest_.starts_with('\'')) {
      next();
      return take_escaped();
    }
    if (c != '\\') {
      word_ += c;
      return {};
    }
    if (rest_.empty()) return fail(ErrorCode::bad_request, "there is nothing behind the last \\");
    word_ += next();
    return {};
  }

  Status take_plain() {
    const size_t end = rest_.find('\'');
    if (end == rest_.npos) return unclosed();
    word_ += rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return {};
  }

  Status take_double() {
    while (!rest_.empty()) {
      char c = next();
      if (c == '"') return {};
      // In double quotes a backslash is one unless a character with a meaning follows.
      if (c == '\\' && !rest_.empty() &&
          std::string_view("\"\\$`").find(rest_.front()) != std::string_view::npos)
        c = next();
      word_ += c;
    }
    return unclosed();
  }

  Status take_escaped() {
    while (!rest_.empty()) {
      const char c = next();
      if (c == '\'') return {};
      if (c != '\\' || rest_.empty()) {
        word_ += c;
        continue;
      }
      const char escaped = next();
      if (escaped >= '0' && escaped <= '7') {
        word_ += octal(escaped);
      } else {
        word_ += meaning(escaped);
      }
    }
    return unclosed();
  }

  /// At most three digits, as bash reads them.
  char octal(char first) {
    auto value = static_cast<unsigned>(first - '0');
    for (int i = 0; i < 2 && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '7'; ++i)
      value = value * 8 + static_cast<unsigned>(next() - '0');
    return static_cast<char>(static_cast<uint8_t>(value));
  }

  static char meaning(char escaped) {
    switch (escaped) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'e':
        return '\x1b';
      default:
        return escaped;
    }
  }

  static tl::unexpected<Error> unclosed() {
    return fail(ErrorCode::bad_request, "a quote is not closed");
  }

  std::string_view rest_;
  std::string word_;
  std::vector<std::string> words_;
};

}  // namespace

Result<std::vector<std::string>> split_shell_words(std::string_view line) {
  return Splitter(line).run();
}

}  // namespace clew::os
