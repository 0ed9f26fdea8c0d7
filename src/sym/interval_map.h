#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace clew::sym {

/// Which value an address belongs to, where intervals can lie in one another: the innermost wins,
/// which is the one that begins last. Built once, then only asked.
template <typename T>
class IntervalMap {
 public:
  struct Item {
    uint64_t start = 0, end = 0;  ///< [start, end)
    T value{};
  };

  IntervalMap() = default;

  /// Of intervals that are the same, the later one in `items` wins: children come after parents.
  explicit IntervalMap(std::vector<Item> items) {
    std::erase_if(items, [](const Item& i) { return i.start >= i.end; });
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      return a.start != b.start ? a.start < b.start : a.end > b.end;
    });
    flatten(items);
    pieces_.shrink_to_fit();
  }

  bool empty() const { return pieces_.empty(); }
  /// What is left of the intervals where others lie in them: disjoint, by address.
  const std::vector<Item>& pieces() const { return pieces_; }

  /// @return the piece that covers an address, nullptr when none does.
  const Item* find(uint64_t address) const {
    auto after = std::upper_bound(pieces_.begin(), pieces_.end(), address,
                                  [](uint64_t a, const Item& i) { return a < i.start; });
    if (after == pieces_.begin()) return nullptr;
    --after;
    return address < after->end ? &*after : nullptr;
  }

 private:
  void flatten(const std::vector<Item>& items) {
    std::vector<const Item*> open;  // the innermost last
    uint64_t done = 0;              // everything before it is in pieces_
    const auto close_until = [&](uint64_t limit) {
      while (!open.empty() && done < limit) {
        const Item& inner = *open.back();
        add(done, std::min(inner.end, limit), inner.value);
        done = std::max(done, std::min(inner.end, limit));
        if (inner.end <= done) open.pop_back();
      }
    };
    for (const Item& item : items) {
      close_until(item.start);
      done = std::max(done, item.start);
      while (!open.empty() && open.back()->end <= done) open.pop_back();
      open.push_back(&item);
    }
    close_until(UINT64_MAX);
  }

  void add(uint64_t start, uint64_t end, const T& value) {
    if (start >= end) return;
    if (!pieces_.empty() && pieces_.back().end == start && pieces_.back().value == value) {
      pieces_.back().end = end;
    } else {
      pieces_.push_back({start, end, value});
    }
  }

  std::vector<Item> pieces_;
};

}  // namespace clew::sym
