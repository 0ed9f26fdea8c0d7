#include "lang/chain.h"

#include "base/circle.h"

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
    if (circle_.has_returned(node_.value)) return corrupt("it leads back into itself");
    ++visited_;
    return node_ + chain_.value_offset;
  }

 private:
  Target& target_;
  Chain chain_;
  Addr node_;
  uint64_t visited_ = 0;
  CircleFinder circle_;
};

}  // namespace

Addresses addresses_in_chain(Target& target, const Chain& chain) {
  return ChainWalk(target, chain);
}

}  // namespace clew::lang
