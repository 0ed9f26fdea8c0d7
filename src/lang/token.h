#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lang/language.h"

namespace clew::lang {

enum class TokenKind : uint8_t {
  end,
  name,    ///< an identifier or keyword
  quoted,  ///< a name in single quotes, or a file's name in front of "::": 'util.c'
  dollar,  ///< $rax, $1, $$, $
  integer,
  floating,
  character,
  string,
  symbol,  ///< an operator or bracket
};

struct Token {
  TokenKind kind = TokenKind::end;
  size_t start = 0, end = 0;  ///< offsets in the text
  std::string text;           ///< as typed; of quoted names and strings what they stand for
  std::string suffix;         ///< of numbers "UL", "f", "u8"; of characters and strings "L", "u"
  uint64_t number = 0;        ///< of integers and characters
  bool is_decimal = true;     ///< of integers: not 0x…, 0b… or 0…
  long double floating = 0;

  bool is(std::string_view symbol) const { return kind == TokenKind::symbol && text == symbol; }
  bool is_word(std::string_view word) const { return kind == TokenKind::name && text == word; }
};

/// What a text cannot be read for, and where: an offset in it.
struct Problem {
  Error error;
  size_t column = 0;
};

/// Takes an expression apart; the last token is the end. Longer texts than `most_text` are no
/// expressions that anybody types.
tl::expected<std::vector<Token>, Problem> tokenize(std::string_view text, Language language);
constexpr size_t most_text = 16'384;

}  // namespace clew::lang
