// std::list and std::forward_list.

#include "lang/chain.h"
#include "lang/cpp/families.h"
#include "lang/cpp/libcxx.h"

namespace clew::lang::cpp {
namespace {

/// Elements stand behind the links, at the next place that fits them.
uint64_t value_offset(uint64_t links, const Type* element) {
  return align_up(links, alignment_of(element));
}

}  // namespace

std::unique_ptr<Printer> make_list(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  if (element == nullptr) return nullptr;
  const auto head = find_any_field(type, {{"_M_impl", "_M_node"}, {"__end_"}});
  const auto next =
      find_field(head, {"_M_next"}) ? find_field(head, {"_M_next"}) : find_field(head, {"__next_"});
  // With the ABI before C++11 nobody has counted them.
  auto size = find_field(head, {"_M_size"});
  if (!size) size = find_first_of_pair(type, {"__size_alloc_"});
  if (!size) size = find_field(type, {"__size_"});
  if (!next || !size_of(element)) return nullptr;
  constexpr uint64_t links = 16;
  const uint64_t offset = value_offset(links, element);
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = next->number(value);
    if (!first) return tl::unexpected(first.error());
    const auto at = head->address(value);
    if (!at) return fail(ErrorCode::unavailable, "a list that is not in memory");
    Chain chain{Addr{*first}, *at, next->offset - head->offset, offset, std::nullopt};
    if (*first == 0) return corrupt("it has no first node: it was not made yet");
    if (size) {
      const auto count = size->number(value);
      if (!count) return tl::unexpected(count.error());
      if (is_impossible(*count, links)) return corrupt("its size of {} is impossible", *count);
      chain.count = *count;
    }
    const std::string summary = (chain.first == chain.end ? "empty " : "") + std::string(name);
    return present_list(summary, chain.count, value.target(), element,
                        addresses_in_chain(value.target(), chain));
  });
}

std::unique_ptr<Printer> make_forward_list(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  if (element == nullptr || !size_of(element)) return nullptr;
  auto next = find_field(type, {"_M_impl", "_M_head", "_M_next"});
  if (!next) next = find_field(find_first_of_pair(type, {"__before_begin_"}), {"__next_"});
  if (!next) return nullptr;
  const uint64_t offset = value_offset(sizeof(uint64_t), element);
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = next->number(value);
    if (!first) return tl::unexpected(first.error());
    const Chain chain{Addr{*first}, Addr{}, 0, offset, std::nullopt};
    const std::string summary = (*first == 0 ? "empty " : "") + std::string(name);
    return present_list(summary, std::nullopt, value.target(), element,
                        addresses_in_chain(value.target(), chain));
  });
}

}  // namespace clew::lang::cpp
