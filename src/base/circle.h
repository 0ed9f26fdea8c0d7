#pragma once

#include <cstdint>

namespace clew {

/// Tells a chain that leads back into itself from one that ends, in constant memory (R. P. Brent,
/// "An improved Monte Carlo factorization algorithm", 1980): every now and then a node is kept, and
/// each later one compared.
class CircleFinder {
 public:
  /// To be told of each node in turn. @return true when the chain has led back to an earlier one,
  /// which is noticed after three times as many nodes as there are in all.
  bool has_returned(uint64_t node) {
    if (seen_ != 0 && node == kept_) return true;
    if (seen_ == next_kept_) {
      kept_ = node;
      next_kept_ = seen_ * 2 + 1;
    }
    ++seen_;
    return false;
  }

 private:
  uint64_t kept_ = 0, seen_ = 0, next_kept_ = 0;
};

}  // namespace clew
