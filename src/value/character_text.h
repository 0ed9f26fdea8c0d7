#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "value/printer.h"

namespace clew::value {

/// Units of text (bytes, UTF-16 or UTF-32 units) as their language writes a string: quotes,
/// escapes, equal neighbours folded: "abc", '\000' <repeats 12 times>.
class StringWriter {
 public:
  struct Rules {
    Text::Encoding encoding = Text::Encoding::bytes;
    std::string prefix;
    uint64_t repeats = 10;  ///< more equal neighbours than that are folded; 0 is never
    bool is_cut = false;    ///< there is more of it: "..." behind
  };

  static std::string write(const std::vector<uint32_t>& units, const Rules& rules);
};

/// One character inside of quotes of that kind: itself, \n, \033, \u202e. Bytes of text that may
/// be UTF-8 are for StringWriter.
std::string escaped_character(uint32_t character, char quote, Text::Encoding encoding);

/// Splits bytes into units of 1, 2 or 4 bytes.
std::vector<uint32_t> units_of(Bytes bytes, unsigned unit_size);
unsigned unit_size_of(Text::Encoding encoding);

}  // namespace clew::value
