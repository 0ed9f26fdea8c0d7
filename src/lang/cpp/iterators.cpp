// Iterators: shown as the element that they stand at. One that stands at an end shows whatever is
// there; only the container would know.

#include "lang/cpp/families.h"

namespace clew::lang::cpp {
namespace {

/// An iterator that holds a pointer to a node, in which the element has a fixed place.
std::unique_ptr<Printer> make_node_iterator(const Type* type, Path node_path, uint64_t before,
                                            std::string_view container) {
  const Type* const element = type->template_type(0);
  const auto node = find_field(type, node_path);
  if (element == nullptr || !size_of(element) || !node) return nullptr;
  const uint64_t offset = align_up(before, alignment_of(element));
  return make_printer([=, node = *node](const Value& value) -> Result<Presentation> {
    const auto at = node.number(value);
    if (!at) return tl::unexpected(at.error());
    if (*at == 0)
      return present_summary(fmt::format("non-dereferenceable iterator for {}", container));
    return present_stand_in(value.at(Addr{*at} + offset, element));
  });
}

}  // namespace

std::unique_ptr<Printer> make_pointer_iterator(const Type* type, std::string_view name) {
  const auto pointer =
      find_any_field(type, {{"_M_current"}, {"_M_cur"}, {"__i_"}, {"__i"}, {"__ptr_"}});
  if (!pointer || !pointer->type->is_pointer()) return nullptr;
  const std::string container =
      name.find("eque") == std::string_view::npos ? "std::vector" : "std::deque";
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const Value current = pointer->of(value);
    const auto at = current.as_address();
    if (!at) return tl::unexpected(at.error());
    if (at->value == 0)
      return present_summary(fmt::format("non-dereferenceable iterator for {}", container));
    auto element = current.dereference();
    if (!element) return tl::unexpected(element.error());
    return present_stand_in(std::move(*element));
  });
}

std::unique_ptr<Printer> make_tree_iterator(const Type* type, std::string_view) {
  constexpr uint64_t before = 32;
  return make_node_iterator(type, {"_M_node"}, before, "associative container");
}

std::unique_ptr<Printer> make_list_iterator(const Type* type, std::string_view name) {
  const bool is_forward = name.starts_with("std::_Fwd");
  return make_node_iterator(type, {"_M_node"}, is_forward ? 8 : 16,
                            is_forward ? "std::forward_list" : "std::list");
}

std::unique_ptr<Printer> make_hash_iterator(const Type* type, std::string_view) {
  return make_node_iterator(type, {"_M_cur"}, 8, "unordered container");
}

}  // namespace clew::lang::cpp
