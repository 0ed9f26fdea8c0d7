// BTreeMap and BTreeSet.

#include <vector>

#include "lang/rust/families.h"
#include "lang/rust/pointer.h"

namespace clew::lang::rust {
namespace {

/// Where things are in a map and in its nodes: rustc orders members as it likes.
struct Tree {
  Field root, height, length;
  uint64_t parent = 0, used = 0, keys = 0, values = 0, edges = 0;  ///< offsets in a node
  uint64_t capacity = 0;                                           ///< keys of a node
  const Type* key = nullptr;
  const Type* mapped = nullptr;
  uint64_t key_size = 0, mapped_size = 0;

  static std::optional<Tree> find(const Type* map);
};

std::optional<Tree> Tree::find(const Type* map) {
  const auto reference = find_payload(find_field(map, {"root"}), "Some");
  const auto root = find_pointer(find_field(reference, {"node"}));
  const auto height = find_field(reference, {"height"});
  const auto length = find_field(map, {"length"});
  if (!root || root->kind != Pointer::Kind::thin || !height || !length) return std::nullopt;
  const Type* const leaf = root->target()->stripped();
  const auto parent = find_pointer(find_payload(find_field(leaf, {"parent"}), "Some"));
  const auto used = find_field(leaf, {"len"});
  const auto keys = find_field(leaf, {"keys"});
  const auto values = find_field(leaf, {"vals"});
  if (!parent || !used || !keys || !values || size_of(used->type) != sizeof(uint16_t))
    return std::nullopt;
  // An inner node is a leaf with edges to nodes below.
  const Type* const inner = parent->target()->stripped();
  const auto data = find_field(inner, {"data"});
  const auto edges = find_field(inner, {"edges"});
  const auto capacity = keys->type->stripped()->count();
  if (!data || data->offset != 0 || !edges || !capacity) return std::nullopt;
  Tree tree{root->address,
            *height,
            *length,
            parent->address.offset,
            used->offset,
            keys->offset,
            values->offset,
            edges->offset,
            *capacity,
            map->template_type(0),
            map->template_type(1),
            0,
            0};
  if (tree.key == nullptr || tree.mapped == nullptr) return std::nullopt;
  tree.key_size = size_of(tree.key).value_or(0);
  tree.mapped_size = size_of(tree.mapped).value_or(0);
  return tree;
}

/// In order. Each node's link to its parent is checked, and heights fall: so the walk ends.
class TreeWalk {
 public:
  TreeWalk(Target& target, const Tree& tree, Addr root, uint64_t height, uint64_t length)
      : target_(target), tree_(tree), length_(length) {
    if (root != Addr{}) status_ = descend(root, height);
  }

  struct Place {
    Addr key, mapped;
  };
  Result<std::optional<Place>> operator()() {
    if (!status_) return tl::unexpected(status_.error());
    while (!path_.empty() && path_.back().next == path_.back().used) path_.pop_back();
    if (path_.empty()) {
      if (visited_ == length_) return std::nullopt;
      return corrupt("it ends after {} of {} elements", visited_, length_);
    }
    if (visited_ == length_)
      return corrupt("it has more elements than the {} of its length", length_);
    Step& step = path_.back();
    const uint64_t index = step.next++;
    const Addr node = step.node;
    ++visited_;
    if (step.height > 0) {
      const auto below = edge(node, index + 1);
      status_ = below ? descend(*below, step.height - 1, node) : tl::unexpected(below.error());
    }
    return Place{node + tree_.keys + index * tree_.key_size,
                 node + tree_.values + index * tree_.mapped_size};
  }

 private:
  struct Step {
    Addr node;
    uint64_t height, next, used;
  };

  Result<Addr> edge(Addr node, uint64_t index) const {
    const auto below = read_at<uint64_t>(target_, node + tree_.edges + index * sizeof(uint64_t));
    if (!below) return tl::unexpected(below.error());
    return Addr{*below};
  }

  Status descend(Addr node, uint64_t height, Addr parent = {}) {
    for (;; --height) {
      const auto used = read_at<uint16_t>(target_, node + tree_.used);
      const auto link = read_at<uint64_t>(target_, node + tree_.parent);
      if (!used) return tl::unexpected(used.error());
      if (!link) return tl::unexpected(link.error());
      if (*used > tree_.capacity)
        return corrupt("the node at {:#x} has {} elements", node.value, *used);
      if (Addr{*link} != parent)
        return corrupt("the node at {:#x} is not its parent's", node.value);
      path_.push_back({node, height, 0, *used});
      if (height == 0) return {};
      const auto below = edge(node, 0);
      if (!below) return tl::unexpected(below.error());
      parent = node;
      node = *below;
    }
  }

  Target& target_;
  Tree tree_;
  uint64_t length_;
  std::vector<Step> path_;
  uint64_t visited_ = 0;
  Status status_;
};

Result<TreeWalk> open(const Value& value, const Tree& tree, uint64_t& length) {
  const auto root = tree.root.number(value);
  const auto height = tree.height.number(value);
  const auto count = tree.length.number(value);
  if (!root || !count) return tl::unexpected((!root ? root : count).error());
  if (!height) return tl::unexpected(height.error());
  // 12^13 nodes are more than there is memory for.
  constexpr uint64_t most_height = 13;
  if (*root != 0 && *height > most_height)
    return corrupt("its height of {} is impossible", *height);
  if (is_impossible(*count, 1)) return corrupt("its length of {} is impossible", *count);
  if (*root == 0 && *count != 0) return corrupt("it has no root for its {} elements", *count);
  length = *count;
  return TreeWalk(value.target(), tree, Addr{*root}, *height, *count);
}

}  // namespace

std::unique_ptr<Printer> make_btree(const Type* type, std::string_view name) {
  const bool is_set = name == "BTreeSet";
  const auto map = is_set ? find_field(type, {"map"}) : Field{0, type};
  if (!map) return nullptr;
  const auto tree = Tree::find(map->type->stripped());
  if (!tree) return nullptr;
  return make_printer([=, map = *map](const Value& value) -> Result<Presentation> {
    uint64_t length = 0;
    auto walk = open(map.of(value), *tree, length);
    if (!walk) return tl::unexpected(walk.error());
    Target& target = value.target();
    Presentation presentation = present_summary(fmt::format("{}(size={})", name, length));
    presentation.shape = is_set ? Shape::list : Shape::map;
    presentation.count = length;
    presentation.next = [&target, is_set, key = tree->key, mapped = tree->mapped,
                         walk = std::move(*walk)]() mutable -> Result<std::optional<Child>> {
      const auto place = walk();
      if (!place) return tl::unexpected(place.error());
      if (!*place) return std::nullopt;
      const Value first = Value::in_memory(target, key, (*place)->key);
      if (is_set) return Child{{}, std::nullopt, first};
      return Child{{}, first, Value::in_memory(target, mapped, (*place)->mapped)};
    };
    return presentation;
  });
}

}  // namespace clew::lang::rust
