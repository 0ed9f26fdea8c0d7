#pragma once

#include "lang/arithmetic.h"

namespace clew::lang {

/// Bases within bases: deeper than any program has.
inline constexpr int most_bases = 32;

/// A value as another type: C's casts, C++'s, Rust's `as`. Numbers are converted; pointers and
/// references to classes are moved to the base or from it; what lies in memory can be seen as any
/// other class or array. @return bad_request for what makes no sense.
Result<value::Value> converted(const Arithmetic& arithmetic, const value::Value& value,
                               const value::Type* type);

/// True when `base` is a base class of `derived`, at any distance.
bool is_base_of(const value::Type* base, const value::Type* derived);

/// dynamic_cast: a null pointer when the object is none of that class.
Result<value::Value> dynamically_converted(const Arithmetic& arithmetic, const value::Value& value,
                                           const value::Type* type);

}  // namespace clew::lang
