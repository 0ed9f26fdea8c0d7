#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace clew::value {

/// Where eight bytes of an argument or result go: System V ABI, AMD64 supplement, 3.2.3.
enum class RegisterClass : uint8_t {
  none,  ///< nothing but padding
  integer,
  sse,
  sse_up,  ///< the upper half of the vector register before
  x87,
  x87_up,
  complex_x87,
  memory,
};

/// How a type is passed and returned.
struct Passing {
  std::array<RegisterClass, 2> classes{RegisterClass::none, RegisterClass::none};
  /// A class of C++ that cannot be copied byte by byte: its address is passed, and it is returned
  /// where the caller says (Itanium C++ ABI, 3.1.1 and 3.1.2).
  bool by_reference = false;

  bool in_memory() const { return classes[0] == RegisterClass::memory; }
  unsigned count(RegisterClass wanted) const {
    return (classes[0] == wanted ? 1U : 0U) + (classes[1] == wanted ? 1U : 0U);
  }
};

/// Of a type with a known size. @return unsupported for what clew does not pass (vectors of more
/// than 16 bytes), unavailable when the size is not known.
Result<Passing> passing_of(const Type* type);

/// A register by its name ("rax", "xmm0"), with all its bytes.
using RegisterReader = std::function<Result<std::vector<std::byte>>(std::string_view)>;

/// What a function of the result type `type` has returned, with the registers as they are right
/// behind its return. What was returned in memory is a value there. @return nothing for void.
Result<std::optional<Value>> returned_value(Target& target, const Type* type,
                                            const RegisterReader& registers);

}  // namespace clew::value
