// Maps of Go before 1.24 (runtime/map.go): an array of buckets of eight slots, each the head of a
// chain. While a map grows, part of its elements are still in the old array.

#include <algorithm>
#include <array>

#include "lang/go/families.h"
#include "lang/go/type_names.h"

namespace clew::go {
namespace {

constexpr unsigned slots_in_bucket = 8;
// What stands for a slot in place of the top byte of its hash.
constexpr uint8_t empty_one = 1;
constexpr uint8_t least_hash = 5;
constexpr uint8_t same_size_growth = 8;

struct BucketMap {
  Field count, flags, shift, buckets, old_buckets;
  uint64_t size = 0;  ///< of a bucket
  Field marks, keys, elements, next;
  const Type* key = nullptr;
  const Type* element = nullptr;
  uint64_t key_stride = 0, element_stride = 0;

  static std::optional<BucketMap> find(const Type* type) {
    const auto count = find_field(type, {"count"});
    const auto flags = find_field(type, {"flags"});
    const auto shift = find_field(type, {"B"});
    const auto buckets = find_field(type, {"buckets"});
    const auto old_buckets = find_field(type, {"oldbuckets"});
    if (!count || !flags || !shift || !buckets || !old_buckets || !buckets->type->is_pointer())
      return std::nullopt;
    BucketMap map;
    map.count = *count;
    map.flags = *flags;
    map.shift = *shift;
    map.buckets = *buckets;
    map.old_buckets = *old_buckets;
    const Type* const bucket = buckets->type->stripped()->target()->stripped();
    const auto marks = find_field(bucket, {"tophash"});
    const auto keys = find_field(bucket, {"keys"});
    const auto elements = find_field(bucket, {"values"});
    const auto next = find_field(bucket, {"overflow"});
    const auto size = lang::size_of(bucket);
    if (!marks || !keys || !elements || !next || !size || *size == 0) return std::nullopt;
    const Type* const key_array = keys->type->stripped();
    const Type* const element_array = elements->type->stripped();
    const auto key_stride = key_array->stride();
    const auto element_stride = element_array->stride();
    if (!key_stride || !element_stride) return std::nullopt;
    map.size = *size;
    map.marks = *marks;
    map.keys = *keys;
    map.elements = *elements;
    map.next = *next;
    map.key = key_array->target();
    map.element = element_array->target();
    map.key_stride = *key_stride;
    map.element_stride = *element_stride;
    return map;
  }
};

/// An array of buckets.
struct Array {
  Addr start;
  uint64_t count = 0;
  bool is_old = false;
};

class BucketWalk {
 public:
  BucketWalk(Target& target, const BucketMap& map, uint64_t count, Array current, Array old)
      : target_(target), map_(map), count_(count), arrays_{current, old} {}

  Result<std::optional<Child>> operator()(const Type* key, const Type* element) {
    if (found_ == count_) return std::nullopt;
    constexpr uint64_t most_unused = uint64_t{16} << 20;
    for (uint64_t i = 0; i < most_unused; ++i) {
      if (slot_ == slots_in_bucket) {
        auto more = next_bucket();
        if (!more) return tl::unexpected(more.error());
        if (!*more) break;
      }
      const unsigned slot = slot_++;
      if (marks_[slot] < least_hash) continue;
      ++found_;
      return Child{
          {},
          of_slot(value_at(map_.keys, map_.key, slot, map_.key_stride), key),
          of_slot(value_at(map_.elements, map_.element, slot, map_.element_stride), element)};
    }
    return corrupt("{} of its {} elements are not to be found", count_ - found_, count_);
  }

 private:
  Value value_at(const Field& first, const Type* type, unsigned slot, uint64_t stride) const {
    return Value::in_memory(target_, type, bucket_ + first.offset + slot * stride);
  }

  Result<bool> next_bucket() {
    if (bucket_.value != 0) {
      const auto next = read_at<uint64_t>(target_, bucket_ + map_.next.offset);
      if (!next) return tl::unexpected(next.error());
      if (*next != 0) {
        if (++chain_length_ == longest_chain) return corrupt("a chain of buckets does not end");
        return enter(Addr{*next});
      }
    }
    for (;;) {
      while (array_ < arrays_.size() && index_ == arrays_[array_].count) {
        ++array_;
        index_ = 0;
      }
      if (array_ == arrays_.size()) return false;
      chain_length_ = 0;
      const Array& array = arrays_[array_];
      auto entered = enter(array.start + index_++ * map_.size);
      if (!entered) return entered;
      // What has moved to the new array is marked so in the old one.
      const bool has_moved = array.is_old && marks_[0] > empty_one && marks_[0] < least_hash;
      if (!has_moved) return true;
      if (++skipped_ == most_skipped) return corrupt("its old buckets make no sense");
    }
  }

  Result<bool> enter(Addr bucket) {
    const auto marks =
        read_at<std::array<uint8_t, slots_in_bucket>>(target_, bucket + map_.marks.offset);
    if (!marks) return tl::unexpected(marks.error());
    marks_ = *marks;
    bucket_ = bucket;
    slot_ = 0;
    return true;
  }

  static constexpr uint64_t most_skipped = uint64_t{16} << 20;
  /// Hashes are mixed with a random number: no program gets chains of this length.
  static constexpr uint64_t longest_chain = 65'536;

  Target& target_;
  const BucketMap& map_;
  uint64_t count_, found_ = 0;
  std::array<Array, 2> arrays_;
  size_t array_ = 0;
  uint64_t index_ = 0;
  uint64_t chain_length_ = 0, skipped_ = 0;
  Addr bucket_;
  std::array<uint8_t, slots_in_bucket> marks_{};
  unsigned slot_ = slots_in_bucket;
};

}  // namespace

std::unique_ptr<Printer> make_bucket_map(const Type* type) {
  const Type* const inner = type->target()->stripped();
  const auto found = BucketMap::find(inner);
  if (!found) return nullptr;
  const auto map = std::make_shared<const BucketMap>(*found);
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto address = value.as_address();
    if (!address) return tl::unexpected(address.error());
    if (address->value == 0) return lang::present_summary(nil_of(value));
    Target& target = value.target();
    const Value object = Value::in_memory(target, inner, *address).fetched();
    const auto count = map->count.number(object);
    const auto flags = map->flags.number(object);
    const auto shift = map->shift.number(object);
    const auto buckets = map->buckets.number(object);
    const auto old_buckets = map->old_buckets.number(object);
    for (const auto* const field : {&count, &flags, &shift, &buckets, &old_buckets})
      if (!*field) return tl::unexpected(field->error());
    constexpr uint64_t most_shift = 40;
    if (*shift > most_shift || lang::is_impossible(*count, 1) ||
        lang::is_impossible(uint64_t{1} << *shift, map->size)) {
      return corrupt("a map of {} elements in 2^{} buckets is impossible", *count, *shift);
    }
    const uint64_t size = uint64_t{1} << *shift;
    Array current{Addr{*buckets}, *buckets == 0 ? 0 : size, false};
    const uint64_t old_size =
        (*flags & same_size_growth) != 0 ? size : std::max<uint64_t>(size / 2, 1);
    Array old{Addr{*old_buckets}, *old_buckets == 0 ? 0 : old_size, true};
    const Type* const declared = value.type()->find_go_kind(value::GoKind::map);
    Presentation shown;
    shown.summary = fmt::format("{} (len {})", declared_name(value), *count);
    shown.shape = Shape::map;
    shown.count = *count;
    shown.next = [walk = BucketWalk(target, *map, *count, current, old), map,
                  key = declared == nullptr ? nullptr : declared->go_key(),
                  element = declared == nullptr ? nullptr : declared->go_element()]() mutable {
      return walk(key, element);
    };
    return shown;
  });
}

}  // namespace clew::go
