#pragma once

#include <atomic>
#include <cstdint>

namespace clew {

/// How far a long work is, and whether it is to be given up. Shared between the one who waits and
/// those who work.
struct WorkControl {
  std::atomic<bool> cancelled{false};
  std::atomic<uint64_t> done{0};   ///< bytes
  std::atomic<uint64_t> total{0};  ///< bytes; grows while more is found to be done
};

}  // namespace clew
