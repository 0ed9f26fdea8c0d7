#include "lang/go/label_reader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace clew::go {
namespace {

constexpr uint64_t most_labels = 256;
constexpr uint64_t longest_text = 4096;
/// What lies in a bucket of a map (runtime/map.go, before Go 1.24).
constexpr size_t bucket_slots = 8;
constexpr unsigned smallest_mark = 5;  ///< lower ones: empty, or moved to another bucket
constexpr uint64_t largest_bucket = 4096;
constexpr int most_overflows = 64;
constexpr unsigned most_shift = 8;

struct Text {
  uint64_t start = 0, length = 0;
};
struct Pair {
  Text key, value;
};

}  // namespace

std::optional<std::string> LabelReader::text(uint64_t start, uint64_t length) const {
  if (length > longest_text) return std::nullopt;
  std::string found(length, '\0');
  const auto bytes = std::as_writable_bytes(std::span(found));
  if (memory_.copy({start}, bytes) != length) return std::nullopt;
  return found;
}

std::optional<LabelSet> LabelReader::read_list(uint64_t pointer) const {
  const auto slice = memory_.read<Text>({pointer});
  if (!slice || slice->length > most_labels) return std::nullopt;
  std::vector<Pair> pairs(slice->length);
  const auto bytes = std::as_writable_bytes(std::span(pairs));
  if (memory_.copy({slice->start}, bytes) != bytes.size()) return std::nullopt;
  LabelSet set;
  for (const Pair& pair : pairs) {
    auto key = text(pair.key.start, pair.key.length);
    auto value = text(pair.value.start, pair.value.length);
    if (!key || !value) return std::nullopt;
    set.emplace_back(std::move(*key), std::move(*value));
  }
  return set;
}

bool LabelReader::add_bucket(uint64_t at, uint64_t& next, LabelSet& set) const {
  const RuntimeLayout::LabelBucket& layout = layout_.label_bucket;
  const auto marks = memory_.read<std::array<uint8_t, bucket_slots>>({at + layout.marks});
  const auto keys = memory_.read<std::array<Text, bucket_slots>>({at + layout.keys});
  const auto values = memory_.read<std::array<Text, bucket_slots>>({at + layout.values});
  const auto overflow = memory_.read<uint64_t>({at + layout.next});
  if (!marks || !keys || !values || !overflow) return false;
  next = *overflow;
  for (size_t i = 0; i < bucket_slots; ++i) {
    if ((*marks)[i] < smallest_mark) continue;
    auto key = text((*keys)[i].start, (*keys)[i].length);
    auto value = text((*values)[i].start, (*values)[i].length);
    if (!key || !value || set.size() == most_labels) return false;
    set.emplace_back(std::move(*key), std::move(*value));
  }
  return true;
}

bool LabelReader::add_buckets(uint64_t start, uint64_t count, LabelSet& set) const {
  if (layout_.label_bucket.size > largest_bucket) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t at = start + i * layout_.label_bucket.size;
    for (int overflows = 0; at != 0; ++overflows) {
      if (overflows == most_overflows || !add_bucket(at, at, set)) return false;
    }
  }
  return true;
}

std::optional<LabelSet> LabelReader::read_map(uint64_t pointer) const {
  const RuntimeLayout::LabelBucket& layout = layout_.label_bucket;
  const auto map = memory_.read<uint64_t>({pointer});
  if (!map) return std::nullopt;
  LabelSet set;
  if (*map == 0) return set;
  const auto shift = memory_.read<uint8_t>({*map + layout.shift});
  const auto buckets = memory_.read<uint64_t>({*map + layout.buckets});
  const auto old = memory_.read<uint64_t>({*map + layout.old_buckets});
  if (!shift || !buckets || !old || *shift > most_shift) return std::nullopt;
  const uint64_t count = uint64_t{1} << *shift;
  if (*buckets != 0 && !add_buckets(*buckets, count, set)) return std::nullopt;
  // A map that has grown is moved bit by bit, as it is written to.
  if (*old != 0 && !add_buckets(*old, count / 2, set)) return std::nullopt;
  return set;
}

std::optional<uint32_t> LabelReader::read(uint64_t pointer) {
  if (pointer == 0 || layout_.labels == RuntimeLayout::Labels::none) return std::nullopt;
  const auto [found, is_new] = known_.try_emplace(pointer);
  if (!is_new) return found->second;
  auto set = layout_.labels == RuntimeLayout::Labels::list ? read_list(pointer) : read_map(pointer);
  if (!set) {
    ++broken_;
    return std::nullopt;
  }
  std::sort(set->begin(), set->end());
  found->second = static_cast<uint32_t>(sets_.size());
  sets_.push_back(std::move(*set));
  return found->second;
}

}  // namespace clew::go
