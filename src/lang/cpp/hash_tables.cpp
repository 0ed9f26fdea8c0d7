// std::unordered_map, std::unordered_set and their multi forms: all elements are in one chain.

#include "lang/chain.h"
#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"

namespace clew::lang::cpp {
namespace {

struct HashTable {
  Field first, size, buckets;
  uint64_t end = 0;  ///< of what stands before the element in a node

  static std::optional<HashTable> find(const Type* type) {
    const auto first = find_field(type, {"_M_h", "_M_before_begin", "_M_nxt"});
    const auto count = find_field(type, {"_M_h", "_M_element_count"});
    const auto buckets = find_field(type, {"_M_h", "_M_bucket_count"});
    // A hash that is kept stands behind the element.
    if (first && count && buckets) return HashTable{*first, *count, *buckets, 8};
    auto begin = find_field(find_first_of_pair(type, {"__table_", "__p1_"}), {"__next_"});
    if (!begin) begin = find_field(type, {"__table_", "__first_node_", "__next_"});
    auto size = find_first_of_pair(type, {"__table_", "__p2_"});
    if (!size) size = find_field(type, {"__table_", "__size_"});
    // The first pointer of all is the one to the buckets.
    if (begin && size) return HashTable{*begin, *size, Field{0, size->type}, 16};
    return std::nullopt;
  }
};

Result<Chain> open(const Value& value, const HashTable& table, uint64_t value_offset) {
  const auto first = table.first.number(value);
  const auto count = table.size.number(value);
  const auto buckets = table.buckets.number(value);
  if (!first || !count) return tl::unexpected((!first ? first : count).error());
  if (!buckets) return tl::unexpected(buckets.error());
  if (is_impossible(*count, table.end)) return corrupt("its size of {} is impossible", *count);
  if (*buckets == 0 && *count != 0) return corrupt("it has {} elements and no buckets", *count);
  return Chain{Addr{*first}, Addr{}, 0, value_offset, *count};
}

}  // namespace

std::unique_ptr<Printer> make_hash_table(const Type* type, std::string_view name) {
  const auto table = HashTable::find(type);
  const Type* const key = type->template_type(0);
  if (!table || key == nullptr || !size_of(key)) return nullptr;
  if (name.ends_with("set")) {
    const uint64_t offset = align_up(table->end, alignment_of(key));
    return make_printer([=](const Value& value) -> Result<Presentation> {
      const auto chain = open(value, *table, offset);
      if (!chain) return tl::unexpected(chain.error());
      return present_list(with_elements(name, *chain->count), chain->count, value.target(), key,
                          addresses_in_chain(value.target(), *chain));
    });
  }
  const auto entry = entry_of_pair(key, type->template_type(1));
  if (!entry) return nullptr;
  const uint64_t offset =
      align_up(table->end, std::max(alignment_of(key), alignment_of(entry->mapped)));
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto chain = open(value, *table, offset);
    if (!chain) return tl::unexpected(chain.error());
    return present_map(with_elements(name, *chain->count), chain->count, value.target(), *entry,
                       addresses_in_chain(value.target(), *chain));
  });
}

}  // namespace clew::lang::cpp
