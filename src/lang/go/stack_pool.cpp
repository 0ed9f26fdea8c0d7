#include "lang/go/stack_pool.h"

#include <algorithm>

namespace clew::go {
namespace {

uint64_t hash_of(std::span<const StackWord> words) {
  uint64_t hash = words.size();
  for (const StackWord word : words) {
    hash = (hash ^ word.bits) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

uint32_t StackPool::add(std::span<const StackWord> words) {
  if (kept_.size() * 2 >= slots_.size()) grow();
  const uint64_t hash = hash_of(words);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t number = slots_[slot] - 1;
    if (kept_[number].hash == hash && std::ranges::equal((*this)[number], words)) return number;
  }
  const auto number = static_cast<uint32_t>(kept_.size());
  kept_.push_back({hash, words_.size(), static_cast<uint32_t>(words.size())});
  words_.insert(words_.end(), words.begin(), words.end());
  slots_[slot] = number + 1;
  return number;
}

void StackPool::grow() {
  slots_.assign(std::max<size_t>(slots_.size() * 2, 64), 0);
  const size_t mask = slots_.size() - 1;
  for (size_t number = 0; number < kept_.size(); ++number) {
    size_t slot = kept_[number].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<uint32_t>(number + 1);
  }
}

}  // namespace clew::go
