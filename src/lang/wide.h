#pragma once

#include "value/value.h"

namespace clew::lang {

/// Every integer of a target, in two's complement.
__extension__ using Wide = unsigned __int128;

/// A whole number, pointer, boolean or enumeration, widened by its sign. @return bad_request for
/// other types and more than 16 bytes.
Result<Wide> wide_of(const value::Value& value);
/// As many of its low bytes as the type has.
value::Value of_wide(value::Target& target, const value::Type* type, Wide number);
bool is_negative(Wide number);

}  // namespace clew::lang
