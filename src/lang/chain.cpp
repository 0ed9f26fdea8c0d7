#include "lang/chain.h"

namespace clew::lang {
namespace {

class ChainWalk {
 public:
  ChainWalk(Target& target, const Chain& chain)
      : target_(target), chain_(chain), node_(chain.first) {}

  Result<std::optional<Addr>> operator()() {
    if (visited_ != 0) {
      const auto next = read_at<uint64_t>(target_, node_ + chain_.next_offset);
      if (!next) return tl::unexpected(next.error());
      node_ = Addr{*next};
    }
    if (node_ == chain_.end) {
      if (!chain_.count || visited_ == *chain_.count) return std::nullopt;
      return corrupt("it ends after {} of {} elements", visited_, *chain_.count);
    }
    if (chain_.count && visited_ == *chain_.count)
      return corrupt("it has more elements than the {} of its size", visited_);
    // Brent's way to find a circle: every now and then a node is kept, and each later one compared.
    if (visited_ != 0 && node_ == kept_) return corrupt("it leads back into itself");
    if (visited_ == next_kept_) {
      kept_ = node_;
      next_kept_ = visited_ * 2 + 1;
    }
    ++visited_;
    return node_ + chain_.value_offset;
  }

 private:
  Target& target_;
  Chain chain_;
  Addr node_, kept_;
  uint64_t visited_ = 0, next_kept_ = 0;
};

}  // namespace

Addresses addresses_in_chain(Target& target, const Chain& chain) {
  return ChainWalk(target, chain);
}

}  // namespace clew::lang
