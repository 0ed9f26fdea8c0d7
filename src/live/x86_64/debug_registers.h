#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/addr.h"
#include "inferior/traps.h"

namespace clew::live {

/// How many accesses the processor can watch at once.
constexpr unsigned watch_slots = 4;

/// One watched place: `size` bytes (1, 2, 4 or 8) at an address that is a multiple of that.
struct WatchedPlace {
  Addr address;
  unsigned size = 0;
  WatchKind kind = WatchKind::write;
};

// Numbers of the registers, as in the USER area of ptrace(2): the addresses are 0 to 3.
constexpr unsigned debug_status = 6;
constexpr unsigned debug_control = 7;

/// @return DR7 for these (Intel SDM volume 3, 17.2.4); 0 when there are none.
uint64_t debug_control_word(const std::array<std::optional<WatchedPlace>, watch_slots>& places);

}  // namespace clew::live
