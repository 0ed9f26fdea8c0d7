#include "lang/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/printable.h"
#include "base/utf8.h"

namespace clew::lang {
namespace {

bool is_word_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c); }

// Longer ones first.
constexpr std::string_view symbols[] = {
    "<<=", ">>=", "...", "..=", "->*", "::", "->", "++", "--", "<<", ">>", "<=", ">=", "==",
    "!=",  "&&",  "||",  "+=",  "-=",  "*=", "/=", "%=", "&=", "|=", "^=", ".*", "..", "&^",
    "+",   "-",   "*",   "/",   "%",   "=",  "<",  ">",  "!",  "~",  "&",  "|",  "^",  "?",
    ":",   ",",   ".",   "@",   "(",   ")",  "[",  "]",  "{",  "}",  ";",  "#"};

constexpr std::string_view source_suffixes[] = {"c",  "cc",  "cpp", "cxx", "C",  "h",
                                                "hh", "hpp", "hxx", "inc", "rs", "S"};

class Tokenizer {
 public:
  Tokenizer(std::string_view text, Language language) : text_(text), language_(language) {}

  tl::expected<std::vector<Token>, Problem> run() {
    if (text_.size() > most_text) return wrong(0, "the expression is too long");
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      Token token;
      token.start = at_;
      if (at_ < text_.size()) {
        if (auto read = next(token); !read) return tl::unexpected(read.error());
      }
      token.end = at_;
      if (token.kind != TokenKind::quoted && token.kind != TokenKind::string)
        token.text = text_.substr(token.start, at_ - token.start);
      tokens_.push_back(std::move(token));
      if (tokens_.back().kind == TokenKind::end) return std::move(tokens_);
    }
  }

 private:
  using Read = tl::expected<void, Problem>;

  static tl::unexpected<Problem> wrong(size_t column, std::string text) {
    return tl::unexpected(Problem{Error(ErrorCode::bad_request, std::move(text)), column});
  }

  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  Read next(Token& token) {
    const char first = peek();
    // Behind a dot stands a field of a tuple: t.0.1
    if (is_digit(first) && is_field_next()) return field_number(token);
    if (is_digit(first) || (first == '.' && is_digit(peek(1)) && !is_operand_before()))
      return number(token);
    if (first == '$') return dollar(token);
    if (const size_t file = file_length(); file != 0) return file_name(token, file);
    if (first == '`' && language_ == Language::go) return raw_string(token);
    if (is_prefix_of_quotes()) return quotes(token);
    if (is_word_start(first)) {
      while (is_word(peek())) ++at_;
      token.kind = TokenKind::name;
      return {};
    }
    for (const std::string_view symbol : symbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      at_ += symbol.size();
      token.kind = TokenKind::symbol;
      return {};
    }
    return wrong(at_,
                 fmt::format("\"{}\" is not understood here", printable(text_.substr(at_, 1))));
  }

  bool is_field_next() const {
    return language_ == Language::rust && !tokens_.empty() && tokens_.back().is(".");
  }
  bool is_operand_before() const {
    if (tokens_.empty()) return false;
    const Token& last = tokens_.back();
    return last.kind != TokenKind::symbol || last.is(")") || last.is("]");
  }

  Read field_number(Token& token) {
    while (is_digit(peek())) ++at_;
    token.kind = TokenKind::name;
    return {};
  }

  Read dollar(Token& token) {
    ++at_;
    if (peek() == '$') ++at_;
    while (is_word(peek())) ++at_;
    token.kind = TokenKind::dollar;
    return {};
  }

  /// "util.c" in util.c::counter: how long it is; 0 when none stands here.
  size_t file_length() const {
    const std::string_view rest = text_.substr(at_);
    const size_t end = rest.find("::");
    if (end == rest.npos || end == 0) return 0;
    std::string_view name = rest.substr(0, end);
    if (name.ends_with('\'')) name.remove_suffix(1);
    const size_t dot = name.rfind('.');
    if (dot == name.npos || dot == 0) return 0;
    const auto is_part = [](char c) {
      return is_word(c) || c == '.' || c == '/' || c == '-' || c == '+';
    };
    if (!std::all_of(name.begin(), name.end(), is_part)) return 0;
    const std::string_view suffix = name.substr(dot + 1);
    const bool known = std::find(std::begin(source_suffixes), std::end(source_suffixes), suffix) !=
                       std::end(source_suffixes);
    return known ? name.size() : 0;
  }

  Read file_name(Token& token, size_t length) {
    token.kind = TokenKind::quoted;
    token.text = text_.substr(at_, length);
    at_ += length;
    if (peek() == '\'') ++at_;
    return {};
  }

  bool is_prefix_of_quotes() const {
    size_t i = at_;
    while (i < text_.size() && i - at_ < 2 && is_word_start(text_[i])) ++i;
    if (i < text_.size() && i - at_ == 1 && text_[at_] == 'u' && text_[i] == '8') ++i;
    if (i >= text_.size() || (text_[i] != '"' && text_[i] != '\'')) return false;
    const std::string_view prefix = text_.substr(at_, i - at_);
    for (const std::string_view known : {"", "L", "u", "U", "u8", "b"}) {
      if (prefix == known) return true;
    }
    return false;
  }

  /// Go's: everything up to the next back quote, but carriage returns.
  Read raw_string(Token& token) {
    const size_t close = text_.find('`', at_ + 1);
    if (close == text_.npos) return wrong(at_, "the quotes that begin here do not end");
    token.kind = TokenKind::string;
    token.text = text_.substr(at_ + 1, close - at_ - 1);
    std::erase(token.text, '\r');
    at_ = close + 1;
    return {};
  }

  Read quotes(Token& token) {
    const size_t start = at_;
    while (peek() != '"' && peek() != '\'') token.suffix += text_[at_++];
    const char quote = peek();
    const size_t close = text_.find(quote, at_ + 1);
    const size_t open = at_++;
    std::vector<uint32_t> units;
    while (at_ < text_.size() && peek() != quote) {
      const auto unit = character();
      if (!unit) return tl::unexpected(unit.error());
      units.push_back(*unit);
    }
    if (at_ >= text_.size()) return wrong(start, "the quotes that begin here do not end");
    ++at_;
    if (quote == '"') {
      token.kind = TokenKind::string;
      for (const uint32_t unit : units) append(token.text, unit);
      return {};
    }
    if (token.suffix.empty() && units.size() > 1) {
      // A name that is no identifier: 'util.c'::counter, 'std::vector<int>'.
      at_ = close + 1;
      token.kind = TokenKind::quoted;
      token.text = text_.substr(open + 1, close - open - 1);
      if (token.suffix.empty() && is_one_wide_character(token)) return {};
      return {};
    }
    if (units.empty()) return wrong(start, "there is no character between the quotes");
    token.kind = TokenKind::character;
    token.number = units.size() == 1 ? units.front() & ~character_mark : decoded(units);
    return {};
  }

  /// 'é' in Rust and L'é': one character of several bytes.
  bool is_one_wide_character(Token& token) const {
    if (language_ != Language::rust && language_ != Language::go) return false;
    std::vector<uint32_t> units;
    for (const char c : token.text) units.push_back(static_cast<unsigned char>(c));
    const uint32_t code = decoded(units);
    if (code < 0x80) return false;
    token.kind = TokenKind::character;
    token.number = code;
    return true;
  }

  /// Go: \xe9 in a string is a byte, \u00e9 the bytes of a character.
  static constexpr uint32_t character_mark = 0x8000'0000;
  static void append(std::string& text, uint32_t unit) {
    if ((unit & character_mark) == 0) {
      text += static_cast<char>(unit);
    } else {
      append_utf8(text, unit & ~character_mark);
    }
  }

  /// UTF-8; 0 when the bytes are no one character.
  static uint32_t decoded(const std::vector<uint32_t>& units) {
    const size_t size = units.size();
    if (size < 2 || size > 4) return 0;
    uint32_t code = units[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; ++i) {
      if ((units[i] & 0xc0) != 0x80) return 0;
      code = code << 6 | (units[i] & 0x3f);
    }
    return code;
  }

  tl::expected<uint32_t, Problem> character() {
    const char c = text_[at_++];
    if (c != '\\' || at_ >= text_.size()) return static_cast<unsigned char>(c);
    const size_t start = at_ - 1;
    const char escape = text_[at_++];
    constexpr std::string_view letters = "abfnrtve";
    constexpr std::array<uint32_t, 8> codes = {7, 8, 12, 10, 13, 9, 11, 27};
    if (const size_t i = letters.find(escape); i != letters.npos) return codes[i];
    if (escape == 'x' || escape == 'u' || escape == 'U') {
      const bool in_braces = peek() == '{';
      if (in_braces) ++at_;
      const bool is_go = language_ == Language::go;
      size_t most = escape == 'u' && !in_braces ? 4 : 8;
      if (escape == 'x' && is_go) most = 2;
      const auto code = digits(16, most);
      if (!code) return wrong(start, "there are no digits behind this escape");
      if (in_braces && peek() == '}') ++at_;
      return is_go && escape != 'x' ? *code | character_mark : *code;
    }
    if (escape >= '0' && escape <= '7') {
      --at_;
      return digits(8, 3).value_or(0);
    }
    return static_cast<unsigned char>(escape);
  }

  std::optional<uint32_t> digits(int base, size_t most) {
    uint32_t code = 0;
    const size_t length = std::min(most, text_.size() - at_);
    const char* const first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, first + length, code, base);
    if (error != std::errc()) return std::nullopt;
    at_ += static_cast<size_t>(end - first);
    return code;
  }

  bool is_floating() const {
    size_t i = at_;
    while (i < text_.size() && (is_digit(text_[i]) || text_[i] == '_')) ++i;
    if (i >= text_.size()) return false;
    if (text_[i] == '.') {
      // Not the field of a number nor a range: 1..3
      return i + 1 >= text_.size() || (text_[i + 1] != '.' && !is_word_start(text_[i + 1])) ||
             text_[i + 1] == 'e' || text_[i + 1] == 'f';
    }
    if (text_[i] != 'e' && text_[i] != 'E') return false;
    const size_t sign =
        i + 1 < text_.size() && (text_[i + 1] == '-' || text_[i + 1] == '+') ? 1 : 0;
    return i + 1 + sign < text_.size() && is_digit(text_[i + 1 + sign]);
  }

  Read number(Token& token) {
    const bool has_base = peek() == '0' &&
                          std::string_view("xXbBo").find(peek(1)) != std::string_view::npos &&
                          peek(1) != '\0';
    if (!has_base && is_floating()) return floating_number(token);
    int base = 10;
    if (has_base) {
      base = peek(1) == 'x' || peek(1) == 'X' ? 16 : peek(1) == 'o' ? 8 : 2;
      at_ += 2;
    } else if (peek() == '0' && is_digit(peek(1)) && language_ != Language::rust) {
      base = 8;
    }
    token.kind = TokenKind::integer;
    token.is_decimal = base == 10;
    return integer(token, base);
  }

  Read integer(Token& token, int base) {
    const size_t start = token.start;
    std::string digits;
    for (;; ++at_) {
      const char c = peek();
      const bool is_separator =
          c == '_' || (c == '\'' && std::isxdigit(static_cast<unsigned char>(peek(1))) != 0);
      const bool is_hex = base == 16 && std::isxdigit(static_cast<unsigned char>(c)) != 0;
      if (is_digit(c) || is_hex) {
        digits += c;
      } else if (!is_separator || digits.empty()) {
        break;
      }
    }
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), token.number, base);
    if (error == std::errc::result_out_of_range)
      return wrong(start, "this number does not fit in 64 bits");
    if (error != std::errc() || end != digits.data() + digits.size())
      return wrong(start, "this is no number");
    while (is_word(peek())) token.suffix += text_[at_++];
    return {};
  }

  Read floating_number(Token& token) {
    std::string digits;
    while (is_digit(peek()) || peek() == '_') digits += text_[at_++];
    if (peek() == '.') digits += text_[at_++];
    while (is_digit(peek()) || peek() == '_') digits += text_[at_++];
    if (peek() == 'e' || peek() == 'E') {
      digits += text_[at_++];
      if (peek() == '-' || peek() == '+') digits += text_[at_++];
      while (is_digit(peek())) digits += text_[at_++];
    }
    std::erase(digits, '_');
    token.kind = TokenKind::floating;
    token.floating = std::strtold(digits.c_str(), nullptr);
    while (is_word(peek())) token.suffix += text_[at_++];
    return {};
  }

  std::string_view text_;
  Language language_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

tl::expected<std::vector<Token>, Problem> tokenize(std::string_view text, Language language) {
  return Tokenizer(text, language).run();
}

}  // namespace clew::lang
