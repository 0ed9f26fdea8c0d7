#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "os/syscall_table.h"

namespace clew::os {

/// A value with the name that the manual pages give it.
struct NamedValue {
  uint64_t value;
  std::string_view name;
  uint64_t mask = 0;  ///< the bits that must equal `value`; 0 means those that are set in it
};

/// The values that an argument of a system call can take.
struct NamedSet {
  enum class Use : uint8_t {
    flags,       ///< values are combined with |
    one_of,      ///< the argument is one of them; without a name it is shown in decimal
    one_of_hex,  ///< the same, but shown in hexadecimal
  };
  Use use;
  std::string_view zero;  ///< how no flags at all are shown
  std::span<const NamedValue> values;
};

/// @return the set that belongs to a kind of flags or of named values; null for all other kinds.
const NamedSet* named_set(ArgKind kind);

/// Shows the lower 32 bits of `value`, which are all that the kernel looks at: "O_RDWR|O_CLOEXEC",
/// "SEEK_SET". Flags without a name are shown as one hexadecimal number.
std::string format_named(const NamedSet& set, uint64_t value);

}  // namespace clew::os
