#pragma once

#include <string>

#include "value/rendering.h"

namespace clew::value {

/// A number, character, enumeration, pointer or other value without parts, in a format. `type` is
/// stripped, `bytes` are all that it has. Symbols behind pointers are the renderer's.
std::string format_scalar(const Type* type, Bytes bytes, Format format);

/// "red", "ns::Color::red", "(read | write)", "(read | unknown: 0x40)"; the number when no
/// enumerator fits.
std::string format_enumeration(const Type* type, uint64_t number);

/// 97 'a'. `type` decides the prefix (L, u, U) and the sign.
std::string format_character(const Type* type, uint64_t number);

/// The shortest text that reads back as the same number of that size.
std::string format_floating(long double number, uint64_t size);

/// A whole number of up to 16 bytes.
std::string format_integer(Bytes bytes, bool is_signed);

}  // namespace clew::value
