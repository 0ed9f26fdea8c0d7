#pragma once

#include <string>
#include <string_view>

namespace clew {

/// Colour for a terminal, nothing for a pipe. Which of the two is the front's decision.
class Style {
 public:
  explicit Style(bool on = false) : on_(on) {}

  bool is_on() const { return on_; }
  std::string heading(std::string_view text) const { return wrap("1", text); }
  std::string faint(std::string_view text) const { return wrap("2", text); }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string warning(std::string_view text) const { return wrap("33", text); }
  std::string bad(std::string_view text) const { return wrap("1;31", text); }
  std::string address(std::string_view text) const { return wrap("36", text); }
  std::string current(std::string_view text) const { return wrap("1;32", text); }

 private:
  std::string wrap(std::string_view code, std::string_view text) const {
    if (!on_ || text.empty()) return std::string(text);
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
  }

  bool on_;
};

}  // namespace clew
