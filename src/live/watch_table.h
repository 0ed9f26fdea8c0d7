#pragma once

#include <array>
#include <optional>

#include "base/result.h"
#include "live/x86_64/debug_registers.h"

namespace clew::live {

/// Which places every thread's debug registers are to watch. Threads take the newest version over
/// before they run.
class WatchTable {
 public:
  /// @return the slot; unavailable when all are taken, bad_request for what the processor cannot
  /// watch.
  Result<unsigned> add(const WatchedPlace& place);
  void remove(unsigned slot);
  void clear();

  bool empty() const { return version_ == 0 || count() == 0; }
  /// 0 until there is a first one; another number after every change.
  unsigned version() const { return version_; }
  const std::array<std::optional<WatchedPlace>, watch_slots>& places() const { return places_; }

 private:
  unsigned count() const;

  std::array<std::optional<WatchedPlace>, watch_slots> places_;
  unsigned version_ = 0;
};

}  // namespace clew::live
