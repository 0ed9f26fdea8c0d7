// std::deque: blocks of elements, and a row of pointers to them.

#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"

namespace clew::lang::cpp {
namespace {

/// Elements in blocks of equal size.
struct Blocks {
  Addr map;               ///< where the pointer to the first block lies
  uint64_t first = 0;     ///< the index of the first element, counted from that block's start
  uint64_t count = 0;     ///< of elements
  uint64_t in_block = 1;  ///< elements of a block
  uint64_t size = 1;      ///< of an element, in bytes
};

Addresses addresses_in_blocks(Target& target, const Blocks& blocks) {
  return [&target, blocks, index = uint64_t{0},
          start = Addr{}]() mutable -> Result<std::optional<Addr>> {
    if (index == blocks.count) return std::nullopt;
    const uint64_t place = blocks.first + index;
    if (index == 0 || place % blocks.in_block == 0) {
      const auto block =
          read_at<uint64_t>(target, blocks.map + place / blocks.in_block * sizeof(uint64_t));
      if (!block) return tl::unexpected(block.error());
      start = Addr{*block};
      if (const auto byte = read_at<uint8_t>(target, start); !byte)
        return tl::unexpected(byte.error());
    }
    ++index;
    return start + place % blocks.in_block * blocks.size;
  };
}

Presentation present_blocks(std::string_view name, const Value& value, const Type* element,
                            const Blocks& blocks) {
  return present_list(with_elements(name, blocks.count), blocks.count, value.target(), element,
                      addresses_in_blocks(value.target(), blocks));
}

/// The fields of libstdc++'s iterators, and the row of pointers.
struct Iterators {
  Field map, map_size, start, finish;

  static std::optional<Iterators> find(const Type* type) {
    const auto map = find_field(type, {"_M_impl", "_M_map"});
    const auto map_size = find_field(type, {"_M_impl", "_M_map_size"});
    const auto start = find_field(type, {"_M_impl", "_M_start"});
    const auto finish = find_field(type, {"_M_impl", "_M_finish"});
    if (!map || !map_size || !start || !finish) return std::nullopt;
    // Four pointers in this order, in every version.
    uint64_t expected = 0;
    for (const std::string_view name : {"_M_cur", "_M_first", "_M_last", "_M_node"}) {
      const auto field = find_field(start->type, {name});
      if (!field || field->offset != expected) return std::nullopt;
      expected += sizeof(uint64_t);
    }
    return Iterators{*map, *map_size, *start, *finish};
  }
};

struct Position {
  uint64_t current, first, last, node;
};

Status check(const Position& position, const Blocks& blocks, uint64_t map, uint64_t map_size) {
  const uint64_t bytes = blocks.in_block * blocks.size;
  if (position.current < position.first || position.current > position.last)
    return corrupt("an end lies outside of its block");
  if (position.last - position.first != bytes ||
      (position.current - position.first) % blocks.size != 0) {
    return corrupt("a block has not the {} bytes of one", bytes);
  }
  if (position.node < map || (position.node - map) % sizeof(uint64_t) != 0 ||
      (position.node - map) / sizeof(uint64_t) >= map_size) {
    return corrupt("an end lies outside of the row of blocks");
  }
  return {};
}

Result<Blocks> blocks_of(const Value& value, const Iterators& fields, uint64_t size) {
  const auto map = fields.map.number(value);
  const auto map_size = fields.map_size.number(value);
  const auto start = value.read<Position>(fields.start.offset);
  const auto finish = value.read<Position>(fields.finish.offset);
  if (!map || !map_size) return tl::unexpected((!map ? map : map_size).error());
  if (!start || !finish) return tl::unexpected((!start ? start : finish).error());
  constexpr uint64_t block_size = 512;
  Blocks blocks;
  blocks.size = size;
  blocks.in_block = size < block_size ? block_size / size : 1;
  if (is_impossible(*map_size, sizeof(uint64_t)))
    return corrupt("its row of {} blocks is impossible", *map_size);
  for (const Position& position : {*start, *finish}) {
    if (auto status = check(position, blocks, *map, *map_size); !status)
      return tl::unexpected(status.error());
  }
  blocks.map = Addr{start->node};
  blocks.first = (start->current - start->first) / size;
  if (finish->node < start->node) return corrupt("the end lies before the start");
  const uint64_t end = (finish->node - start->node) / sizeof(uint64_t) * blocks.in_block +
                       (finish->current - finish->first) / size;
  if (end < blocks.first) return corrupt("the end lies before the start");
  blocks.count = end - blocks.first;
  return blocks;
}

std::unique_ptr<Printer> make_libcxx(const Type* type, std::string_view name, const Type* element,
                                     uint64_t size) {
  const auto begin = find_field(type, {"__map_", "__begin_"});
  const auto end = find_field(type, {"__map_", "__end_"});
  const auto first = find_field(type, {"__start_"});
  const auto count = find_first_of_pair(type, {"__size_"});
  if (!begin || !end || !first || !count) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto row = begin->number(value);
    const auto row_end = end->number(value);
    const auto skipped = first->number(value);
    const auto elements = count->number(value);
    if (!row || !row_end) return tl::unexpected((!row ? row : row_end).error());
    if (!skipped || !elements) return tl::unexpected((!skipped ? skipped : elements).error());
    Blocks blocks{Addr{*row}, *skipped, *elements, size < 256 ? 4096 / size : 16, size};
    if (*row_end < *row || (*row_end - *row) % sizeof(uint64_t) != 0)
      return corrupt("its row of blocks ends before it starts");
    const uint64_t room = (*row_end - *row) / sizeof(uint64_t);
    if (is_impossible(room, blocks.in_block * size) || *skipped > room * blocks.in_block ||
        *elements > room * blocks.in_block - *skipped) {
      return corrupt("its {} blocks have no room for {} elements", room, *elements);
    }
    return present_blocks(name, value, element, blocks);
  });
}

}  // namespace

std::unique_ptr<Printer> make_deque(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  if (element == nullptr) return nullptr;
  const uint64_t size = size_of(element).value_or(0);
  if (size == 0) return nullptr;
  const auto fields = Iterators::find(type);
  if (!fields) return make_libcxx(type, name, element, size);
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto blocks = blocks_of(value, *fields, size);
    if (!blocks) return tl::unexpected(blocks.error());
    return present_blocks(name, value, element, *blocks);
  });
}

}  // namespace clew::lang::cpp
