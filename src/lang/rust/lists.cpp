// LinkedList.

#include "lang/chain.h"
#include "lang/rust/families.h"
#include "lang/rust/pointer.h"

namespace clew::lang::rust {

std::unique_ptr<Printer> make_linked_list(const Type* type, std::string_view name) {
  const Type* const element = type->template_type(0);
  const auto head = find_pointer(find_payload(find_field(type, {"head"}), "Some"));
  const auto length = find_field(type, {"len"});
  if (element == nullptr || !head || head->kind != Pointer::Kind::thin || !length) return nullptr;
  const Type* const node = head->target()->stripped();
  const auto next = find_pointer(find_payload(find_field(node, {"next"}), "Some"));
  const auto held = find_field(node, {"element"});
  if (!next || !held) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto first = head->address.number(value);
    const auto count = length->number(value);
    if (!first || !count) return tl::unexpected((!first ? first : count).error());
    if (is_impossible(*count, 1)) return corrupt("its length of {} is impossible", *count);
    const Chain chain{Addr{*first}, Addr{}, next->address.offset, held->offset, *count};
    return present_list(fmt::format("{}(size={})", name, *count), *count, value.target(), element,
                        addresses_in_chain(value.target(), chain));
  });
}

}  // namespace clew::lang::rust
