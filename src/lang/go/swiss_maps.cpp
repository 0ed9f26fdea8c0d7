// Maps of Go 1.24 and later (internal/runtime/maps): groups of eight slots, each with a word of
// control bytes; a small map is one group, a larger one a directory of tables of groups.

#include <bit>

#include "lang/go/families.h"
#include "lang/go/type_names.h"

namespace clew::go {
namespace {

constexpr unsigned slots_in_group = 8;

/// Where keys and elements are in a group.
struct Group {
  const Type* type = nullptr;
  uint64_t size = 0;
  Field control;
  Field key, element;  ///< of the first slot
  uint64_t key_stride = 0, element_stride = 0;

  static std::optional<Group> find(const Type* pointer) {
    if (!pointer->is_pointer()) return std::nullopt;
    Group group;
    group.type = pointer->stripped()->target()->stripped();
    const auto size = lang::size_of(group.type);
    const auto control = find_field(group.type, {"ctrl"});
    if (!size || !control || *size == 0) return std::nullopt;
    group.size = *size;
    group.control = *control;
    if (const auto slots = find_field(group.type, {"slots"})) {
      const Type* const array = slots->type->stripped();
      const Type* const slot = array->target();
      const auto key = find_field(slot, {"key"});
      const auto element = find_field(slot, {"elem"});
      const auto stride = array->stride();
      if (array->count() != slots_in_group || !key || !element || !stride) return std::nullopt;
      group.key = {slots->offset + key->offset, key->type};
      group.element = {slots->offset + element->offset, element->type};
      group.key_stride = group.element_stride = *stride;
      return group;
    }
    // Keys and elements set apart.
    const auto keys = find_field(group.type, {"keys"});
    const auto elements = find_field(group.type, {"elems"});
    if (!keys || !elements) return std::nullopt;
    const auto key_stride = keys->type->stripped()->stride();
    const auto element_stride = elements->type->stripped()->stride();
    if (!key_stride || !element_stride) return std::nullopt;
    group.key = {keys->offset, keys->type->stripped()->target()};
    group.element = {elements->offset, elements->type->stripped()->target()};
    group.key_stride = *key_stride;
    group.element_stride = *element_stride;
    return group;
  }
};

struct SwissMap {
  const Type* type = nullptr;
  Field used, directory, directory_length;
  const Type* table = nullptr;
  Field groups, mask;
  Group group;

  static std::optional<SwissMap> find(const Type* type) {
    const auto used = find_field(type, {"used"});
    const auto directory = find_field(type, {"dirPtr"});
    const auto length = find_field(type, {"dirLen"});
    if (!used || !directory || !length || !directory->type->is_pointer()) return std::nullopt;
    const Type* const pointer = directory->type->stripped()->target();
    if (!pointer->is_pointer()) return std::nullopt;
    const Type* const table = pointer->stripped()->target()->stripped();
    const auto groups = find_field(table, {"groups", "data"});
    const auto mask = find_field(table, {"groups", "lengthMask"});
    const auto group = groups ? Group::find(groups->type) : std::nullopt;
    if (!groups || !mask || !group) return std::nullopt;
    return SwissMap{type, *used, *directory, *length, table, *groups, *mask, *group};
  }
};

/// Slot by slot, group by group, table by table.
class SwissWalk {
 public:
  SwissWalk(Target& target, const SwissMap& map, uint64_t count, Addr directory, uint64_t tables)
      : target_(target), map_(map), count_(count), directory_(directory), tables_(tables) {
    if (tables != 0) return;
    // A small map is one group without a table.
    groups_ = directory;
    groups_left_ = directory.value == 0 ? 0 : 1;
  }

  Result<std::optional<Child>> operator()(const Type* key, const Type* element) {
    if (found_ == count_) return std::nullopt;
    // Of a map that has lost nearly all of its elements every slot is looked at.
    constexpr uint64_t most_unused = uint64_t{16} << 20;
    for (uint64_t i = 0; i < most_unused; ++i) {
      if (slot_ == slots_in_group) {
        auto more = next_group();
        if (!more) return tl::unexpected(more.error());
        if (!*more) break;
      }
      const unsigned slot = slot_++;
      if ((control_ >> (8 * slot) & 0x80) != 0) continue;
      ++found_;
      const Group& group = map_.group;
      return Child{{},
                   of_slot(value_at(group.key, slot, group.key_stride), key),
                   of_slot(value_at(group.element, slot, group.element_stride), element)};
    }
    return corrupt("{} of its {} elements are not to be found", count_ - found_, count_);
  }

 private:
  Value value_at(const Field& first, unsigned slot, uint64_t stride) const {
    return Value::in_memory(target_, first.type, group_ + first.offset + slot * stride);
  }

  Result<bool> next_group() {
    while (groups_left_ == 0) {
      auto more = next_table();
      if (!more || !*more) return more;
    }
    --groups_left_;
    group_ = groups_;
    groups_ = groups_ + map_.group.size;
    const auto control = read_at<uint64_t>(target_, group_ + map_.group.control.offset);
    if (!control) return tl::unexpected(control.error());
    control_ = *control;
    slot_ = 0;
    return true;
  }

  Result<bool> next_table() {
    if (table_ == tables_) return false;
    const auto at = read_at<uint64_t>(target_, directory_ + table_++ * sizeof(uint64_t));
    if (!at) return tl::unexpected(at.error());
    // A table that has not been split for as long as others has several entries, side by side.
    if (*at == last_table_) return true;
    last_table_ = *at;
    const Value table = Value::in_memory(target_, map_.table, Addr{*at}).fetched();
    const auto groups = map_.groups.number(table);
    const auto mask = map_.mask.number(table);
    if (!groups || !mask) return tl::unexpected((!groups ? groups : mask).error());
    const uint64_t count = *mask + 1;
    if (!std::has_single_bit(count) || lang::is_impossible(count, map_.group.size))
      return corrupt("a table of {} groups is impossible", count);
    groups_ = Addr{*groups};
    groups_left_ = count;
    return true;
  }

  Target& target_;
  const SwissMap& map_;
  uint64_t count_, found_ = 0;
  Addr directory_;
  uint64_t tables_, table_ = 0, last_table_ = 0;
  Addr groups_, group_;
  uint64_t groups_left_ = 0;
  uint64_t control_ = 0;
  unsigned slot_ = slots_in_group;
};

}  // namespace

std::unique_ptr<Printer> make_swiss_map(const Type* type) {
  const Type* const inner = type->target()->stripped();
  const auto found = SwissMap::find(inner);
  if (!found) return nullptr;
  const auto map = std::make_shared<const SwissMap>(*found);
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto address = value.as_address();
    if (!address) return tl::unexpected(address.error());
    if (address->value == 0) return lang::present_summary(nil_of(value));
    Target& target = value.target();
    const Value object = Value::in_memory(target, inner, *address).fetched();
    const auto count = map->used.number(object);
    const auto directory = map->directory.number(object);
    const auto tables = map->directory_length.number(object);
    for (const auto* const field : {&count, &directory, &tables})
      if (!*field) return tl::unexpected(field->error());
    constexpr uint64_t most_tables = uint64_t{1} << 32;
    const bool is_possible = *tables == 0 || std::has_single_bit(*tables);
    if (!is_possible || *tables > most_tables || lang::is_impossible(*count, 1) ||
        (*tables == 0 && *count > slots_in_group)) {
      return corrupt("a map of {} elements in {} tables is impossible", *count, *tables);
    }
    const Type* const declared = value.type()->find_go_kind(value::GoKind::map);
    Presentation shown;
    shown.summary = fmt::format("{} (len {})", declared_name(value), *count);
    shown.shape = Shape::map;
    shown.count = *count;
    shown.next = [walk = SwissWalk(target, *map, *count, Addr{*directory}, *tables), map,
                  key = declared == nullptr ? nullptr : declared->go_key(),
                  element = declared == nullptr ? nullptr : declared->go_element()]() mutable {
      return walk(key, element);
    };
    return shown;
  });
}

}  // namespace clew::go
