// HashMap and HashSet: hashbrown's table. One byte for each slot tells whether it is used; the
// elements lie in front of these bytes, the first one last.

#include <array>
#include <bit>

#include "lang/rust/families.h"
#include "lang/rust/pointer.h"

namespace clew::lang::rust {
namespace {

struct Table {
  Field mask, items;
  Pointer control;
  const Type* element = nullptr;  ///< a tuple of key and value
  uint64_t size = 0;              ///< of an element

  static std::optional<Table> find(const Type* type) {
    const auto outer = find_any_field(
        type, {{"base", "map", "table"}, {"base", "table"}, {"map", "table"}, {"table"}});
    if (!outer) return std::nullopt;
    const Type* const element = outer->type->stripped()->template_type(0);
    // Before hashbrown 0.9 there was no table within the table.
    const auto inner = find_field(outer, {"table"}) ? find_field(outer, {"table"}) : outer;
    const auto mask = find_field(inner, {"bucket_mask"});
    const auto items = find_field(inner, {"items"});
    const auto control = find_pointer(find_field(inner, {"ctrl"}));
    if (element == nullptr || !mask || !items || !control) return std::nullopt;
    const auto size = size_of(element);
    if (!size) return std::nullopt;
    return Table{*mask, *items, *control, element, *size};
  }
};

class TableWalk {
 public:
  TableWalk(Target& target, Addr control, uint64_t slots, uint64_t items, uint64_t size)
      : target_(target), control_(control), slots_(slots), items_(items), size_(size) {}

  Result<std::optional<Addr>> operator()() {
    if (found_ == items_) return std::nullopt;
    // A table that has shrunk from 64 million elements to a few is searched whole.
    constexpr uint64_t most_unused = uint64_t{64} << 20;
    const uint64_t last = slots_ - slot_ > most_unused ? slot_ + most_unused : slots_;
    for (; slot_ < last; ++slot_) {
      if (auto status = fetch(); !status) return tl::unexpected(status.error());
      if ((bytes_[slot_ - first_] & 0x80) != 0) continue;
      ++slot_;
      ++found_;
      return control_ - slot_ * size_;
    }
    return corrupt("{} of its {} elements are not to be found", items_ - found_, items_);
  }

 private:
  /// The bytes around `slot_`, as many at once as there are.
  Status fetch() {
    if (slot_ >= first_ && slot_ < first_ + held_) return {};
    first_ = slot_;
    const auto read = target_.memory().read_memory(
        control_ + slot_, std::as_writable_bytes(std::span(bytes_))
                              .first(std::min<uint64_t>(bytes_.size(), slots_ - slot_)));
    held_ = read ? *read : 0;
    if (held_ != 0) return {};
    return fail(ErrorCode::fault,
                fmt::format("cannot read memory at {:#x}", (control_ + slot_).value));
  }

  Target& target_;
  Addr control_;
  uint64_t slots_, items_, size_;
  uint64_t slot_ = 0, found_ = 0;
  uint64_t first_ = 0, held_ = 0;
  std::array<uint8_t, 1024> bytes_{};
};

struct Opened {
  TableWalk walk;
  uint64_t items;
};

Result<Opened> open(const Value& value, const Table& table) {
  const auto mask = table.mask.number(value);
  const auto items = table.items.number(value);
  const auto control = table.control.address.number(value);
  if (!mask || !items) return tl::unexpected((!mask ? mask : items).error());
  if (!control) return tl::unexpected(control.error());
  const uint64_t slots = *mask + 1;
  if (!std::has_single_bit(slots) || is_impossible(slots, table.size + 1))
    return corrupt("its number of slots, {}, is impossible", slots);
  if (*items > slots) return corrupt("it has {} elements in {} slots", *items, slots);
  return Opened{TableWalk(value.target(), Addr{*control}, slots, *items, table.size), *items};
}

}  // namespace

std::unique_ptr<Printer> make_hash_table(const Type* type, std::string_view name) {
  const auto table = Table::find(type);
  if (!table) return nullptr;
  const auto key = find_field(table->element, {"__0"});
  const auto mapped = find_field(table->element, {"__1"});
  if (!key) return nullptr;
  if (name == "HashSet") {
    return make_printer([=](const Value& value) -> Result<Presentation> {
      auto opened = open(value, *table);
      if (!opened) return tl::unexpected(opened.error());
      // Slots are in the order of hashes: the key stands where the compiler has put it.
      Addresses keys = [walk = opened->walk,
                        offset = key->offset]() mutable -> Result<std::optional<Addr>> {
        auto at = walk();
        if (!at || !*at) return at;
        return **at + offset;
      };
      return present_list(fmt::format("{}(size={})", name, opened->items), opened->items,
                          value.target(), key->type, std::move(keys));
    });
  }
  if (!mapped) return nullptr;
  const Entry entry{key->type, mapped->type, key->offset, mapped->offset};
  return make_printer([=](const Value& value) -> Result<Presentation> {
    auto opened = open(value, *table);
    if (!opened) return tl::unexpected(opened.error());
    return present_map(fmt::format("{}(size={})", name, opened->items), opened->items,
                       value.target(), entry, opened->walk);
  });
}

}  // namespace clew::lang::rust
