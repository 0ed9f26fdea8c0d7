#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clew::sym {

/// The letters, numbers and identifiers that a name of Rust's v0 mangling is made of. Once
/// something was wrong nothing more is read, so that every loop over it ends.
class RustNameCursor {
 public:
  struct Identifier {
    std::string_view ascii;
    std::string_view punycode;

    bool is_empty() const { return ascii.empty() && punycode.empty(); }
    std::string text() const;
  };

  /// @param name what is behind "_R"; it is kept by reference.
  explicit RustNameCursor(std::string_view name) : name_(name) {}

  bool is_ok() const { return is_ok_; }
  void wrong() { is_ok_ = false; }
  bool is_at_end() const { return at_ == name_.size(); }
  size_t at() const { return at_; }
  void go_to(size_t at) { at_ = at; }

  /// @return '\0' at the end, and when something was wrong.
  char peek() const { return is_ok_ && at_ < name_.size() ? name_[at_] : '\0'; }
  bool eat(char c);
  /// To have none is wrong.
  char next();
  /// base-62-number
  uint64_t number_62();
  /// 0 without the tag, and else one more than the number.
  uint64_t optional_number_62(char tag);
  /// undisambiguated-identifier
  Identifier identifier();
  /// {hex-digit} "_"
  std::string_view hex_digits();

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
  static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
  static std::optional<unsigned> hex_digit(char c);

 private:
  const std::string_view name_;
  size_t at_ = 0;
  bool is_ok_ = true;
};

}  // namespace clew::sym
