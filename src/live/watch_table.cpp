#include "live/watch_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace clew::live {

Result<unsigned> WatchTable::add(const WatchedPlace& place) {
  const bool is_possible =
      (place.size == 1 || place.size == 2 || place.size == 4 || place.size == 8) &&
      place.address.value % place.size == 0;
  if (!is_possible) {
    return fail(ErrorCode::bad_request, fmt::format("the processor cannot watch {} bytes at {:#x}",
                                                    place.size, place.address.value));
  }
  const auto free = std::find_if(places_.begin(), places_.end(),
                                 [](const auto& taken) { return !taken.has_value(); });
  if (free == places_.end()) {
    return fail(ErrorCode::unavailable,
                fmt::format("the processor's {} watchpoints are all in use: delete one first",
                            watch_slots));
  }
  *free = place;
  ++version_;
  return static_cast<unsigned>(free - places_.begin());
}

void WatchTable::remove(unsigned slot) {
  places_.at(slot).reset();
  ++version_;
}

void WatchTable::clear() {
  if (empty()) return;
  places_ = {};
  ++version_;
}

unsigned WatchTable::count() const {
  return static_cast<unsigned>(std::count_if(places_.begin(), places_.end(),
                                             [](const auto& place) { return place.has_value(); }));
}

}  // namespace clew::live
