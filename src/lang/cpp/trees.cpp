// std::map, std::multimap, std::set and std::multiset: red-black trees.

#include <array>
#include <vector>

#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"

namespace clew::lang::cpp {
namespace {

/// Where things are in a node; nodes are the same for all element types up to the element.
struct NodeLayout {
  uint64_t left, right, parent;
  uint64_t end;  ///< of what stands before the element
};
constexpr NodeLayout libstdcxx_node{16, 24, 8, 32};
constexpr NodeLayout libcxx_node{0, 8, 16, 25};

/// In order, from the root down. Each node's link to its parent is checked: so no node is met
/// twice, and the walk ends, whatever the links are.
class TreeWalk {
 public:
  TreeWalk(Target& target, const NodeLayout& layout, Addr root, Addr anchor, uint64_t count,
           uint64_t value_offset)
      : target_(target), layout_(layout), count_(count), value_offset_(value_offset) {
    if (root != Addr{}) status_ = descend(root, anchor);
  }

  Result<std::optional<Addr>> operator()() {
    if (!status_) return tl::unexpected(status_.error());
    if (path_.empty()) {
      if (visited_ == count_) return std::nullopt;
      return corrupt("it ends after {} of {} elements", visited_, count_);
    }
    if (visited_ == count_) return corrupt("it has more elements than the {} of its size", count_);
    const Step step = path_.back();
    path_.pop_back();
    ++visited_;
    if (step.right != Addr{}) status_ = descend(step.right, step.node);
    return step.node + value_offset_;
  }

 private:
  struct Step {
    Addr node, right;
  };

  /// From a node to the leftmost below it.
  Status descend(Addr node, Addr parent) {
    // A tree of 2^47 nodes is no deeper.
    constexpr size_t most_depth = size_t{2} * 48;
    while (node != Addr{}) {
      if (path_.size() >= most_depth) return corrupt("it is deeper than any tree");
      const auto links = read_at<std::array<uint64_t, 4>>(target_, node);
      if (!links) return tl::unexpected(links.error());
      const auto link = [&](uint64_t offset) { return Addr{(*links)[offset / sizeof(uint64_t)]}; };
      if (link(layout_.parent) != parent)
        return corrupt("the node at {:#x} is not its parent's", node.value);
      const Addr left = link(layout_.left);
      const Addr right = link(layout_.right);
      if (left != Addr{} && left == right)
        return corrupt("the node at {:#x} has the same one on both sides", node.value);
      path_.push_back({node, right});
      parent = node;
      node = left;
    }
    return {};
  }

  Target& target_;
  const NodeLayout layout_;
  const uint64_t count_, value_offset_;
  std::vector<Step> path_;
  uint64_t visited_ = 0;
  Status status_;
};

/// What is found in a type of either library.
struct Tree {
  NodeLayout layout{};
  Field anchor;  ///< what the root's parent is
  Field root, size;

  static std::optional<Tree> find(const Type* type) {
    const auto header = find_field(type, {"_M_t", "_M_impl", "_M_header"});
    const auto root = find_field(header, {"_M_parent"});
    const auto count = find_field(type, {"_M_t", "_M_impl", "_M_node_count"});
    if (root && count) return Tree{libstdcxx_node, *header, *root, *count};
    auto end = find_first_of_pair(type, {"__tree_", "__pair1_"});
    if (!end) end = find_field(type, {"__tree_", "__end_node_"});
    auto size = find_first_of_pair(type, {"__tree_", "__pair3_"});
    if (!size) size = find_field(type, {"__tree_", "__size_"});
    const auto left = find_field(end, {"__left_"});
    if (left && size) return Tree{libcxx_node, *end, *left, *size};
    return std::nullopt;
  }
};

struct Opened {
  TreeWalk walk;
  uint64_t count;
};

Result<Opened> open(const Value& value, const Tree& tree, uint64_t value_offset) {
  const auto root = tree.root.number(value);
  const auto count = tree.size.number(value);
  if (!root || !count) return tl::unexpected((!root ? root : count).error());
  if (is_impossible(*count, tree.layout.end))
    return corrupt("its size of {} is impossible", *count);
  if ((*root == 0) != (*count == 0)) {
    return corrupt("{}", *root == 0 ? fmt::format("it has no root for its {} elements", *count)
                                    : "it has a root and no elements");
  }
  const auto anchor = tree.anchor.address(value);
  if (!anchor) return fail(ErrorCode::unavailable, "a tree that is not in memory");
  return Opened{TreeWalk(value.target(), tree.layout, Addr{*root}, *anchor, *count, value_offset),
                *count};
}

}  // namespace

std::unique_ptr<Printer> make_tree(const Type* type, std::string_view name) {
  const auto tree = Tree::find(type);
  const Type* const key = type->template_type(0);
  if (!tree || key == nullptr || !size_of(key)) return nullptr;
  const uint64_t end = tree->layout.end;
  if (name.ends_with("set")) {
    const uint64_t offset = align_up(end, alignment_of(key));
    return make_printer([=](const Value& value) -> Result<Presentation> {
      auto opened = open(value, *tree, offset);
      if (!opened) return tl::unexpected(opened.error());
      return present_list(with_elements(name, opened->count), opened->count, value.target(), key,
                          std::move(opened->walk));
    });
  }
  const auto entry = entry_of_pair(key, type->template_type(1));
  if (!entry) return nullptr;
  const uint64_t offset = align_up(end, std::max(alignment_of(key), alignment_of(entry->mapped)));
  return make_printer([=](const Value& value) -> Result<Presentation> {
    auto opened = open(value, *tree, offset);
    if (!opened) return tl::unexpected(opened.error());
    return present_map(with_elements(name, opened->count), opened->count, value.target(), *entry,
                       std::move(opened->walk));
  });
}

}  // namespace clew::lang::cpp
