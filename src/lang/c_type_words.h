#pragma once

#include <string>
#include <string_view>

#include "lang/token.h"

namespace clew::lang {

/// True for the words that C's own types are made of: "unsigned", "long", "int".
bool is_basic_word(const Token& token);
/// True for "const" and the like.
bool is_qualifier_word(const Token& token);

/// Puts such words together, in any order, to the one name that clew has for the type.
class BasicTypeWords {
 public:
  /// @return false when the word makes no type with those before it.
  bool add(std::string_view word);
  /// "unsigned long" for "long unsigned int".
  std::string name() const;

 private:
  int longs_ = 0;
  bool is_short_ = false, is_signed_ = false, is_unsigned_ = false;
  std::string base_;  ///< "int", "char", "double", …; empty when it was left out
};

}  // namespace clew::lang
