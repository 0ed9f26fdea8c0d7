// Strings, slices and channels.

#include "base/circle.h"
#include "lang/go/families.h"
#include "lang/go/type_names.h"

namespace clew::go {
namespace {

/// The element that a declared type says it has, or else what the pointer to the first one says.
const Type* element_of(const Value& value, value::GoKind kind, const Type* otherwise) {
  const Type* const type = value.type()->find_go_kind(kind);
  const Type* const said = type == nullptr ? nullptr : type->go_element();
  return said == nullptr ? otherwise : said;
}

/// Goroutines that wait for a channel: a list of runtime.sudog.
struct WaitQueue {
  Field first;
  uint64_t next = 0;
  uint64_t goroutine = 0;
  std::optional<uint64_t> id;  ///< in the runtime's g

  static std::optional<WaitQueue> find(const Type* channel, std::string_view name) {
    const auto first = find_field(channel, {name, "first"});
    if (!first || !first->type->is_pointer()) return std::nullopt;
    const Type* const waiter = first->type->stripped()->target();
    const auto next = find_field(waiter, {"next"});
    const auto goroutine = find_field(waiter, {"g"});
    if (!next || !goroutine) return std::nullopt;
    WaitQueue queue{*first, next->offset, goroutine->offset, std::nullopt};
    if (goroutine->type->is_pointer()) {
      const auto id = find_field(goroutine->type->stripped()->target(), {"goid"});
      if (id) queue.id = id->offset;
    }
    return queue;
  }

  /// "goroutines 5, 7"; empty when nobody waits. What is wrong with the list is told in it.
  std::string text(const Value& channel, std::string_view what) const {
    constexpr size_t most_named = 10;
    constexpr size_t most_counted = 100'000;
    Target& target = channel.target();
    std::string names;
    size_t count = 0;
    CircleFinder circle;
    auto at = first.number(channel);
    for (; at && *at != 0 && count < most_counted && !circle.has_returned(*at); ++count) {
      if (count < most_named) {
        const auto descriptor = read_at<uint64_t>(target, Addr{*at} + goroutine);
        const auto number = id && descriptor ? read_at<uint64_t>(target, Addr{*descriptor} + *id)
                                             : Result<uint64_t>(fail(ErrorCode::not_found, ""));
        names += names.empty() ? "" : ", ";
        names += number ? std::to_string(*number) : "?";
      }
      at = read_at<uint64_t>(target, Addr{*at} + next);
    }
    if (count == 0 && at) return {};
    if (count > most_named) names += fmt::format(" and {} more", count - most_named);
    std::string problem = at ? "" : ", <" + at.error().text + ">";
    if (at && *at != 0) problem = ", <corrupt: the list does not end>";
    return fmt::format(", {}: goroutine{} {}{}", what, count == 1 ? "" : "s", names, problem);
  }
};

}  // namespace

std::unique_ptr<Printer> make_string(const Type* type) {
  const auto start = find_field(type, {"str"});
  const auto length = find_field(type, {"len"});
  if (!start || !length) return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto from = start->number(value);
    const auto count = length->number(value);
    if (!from || !count) return tl::unexpected((!from ? from : count).error());
    if (lang::is_impossible(*count, 1))
      return corrupt("its length of {} is impossible", static_cast<int64_t>(*count));
    value::Text text;
    text.start = Addr{*from};
    text.length = *count;
    text.encoding = value::Text::Encoding::utf8;
    return lang::present_text(std::move(text));
  });
}

std::unique_ptr<Printer> make_slice(const Type* type) {
  const auto start = find_field(type, {"array"});
  const auto length = find_field(type, {"len"});
  const auto room = find_field(type, {"cap"});
  if (!start || !length || !room || !start->type->is_pointer()) return nullptr;
  const Type* const pointed = start->type->stripped()->target();
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto from = start->number(value);
    const auto count = length->number(value);
    const auto capacity = room->number(value);
    if (!from || !count) return tl::unexpected((!from ? from : count).error());
    if (!capacity) return tl::unexpected(capacity.error());
    if (*from == 0 && *count == 0 && *capacity == 0) return lang::present_summary(nil_of(value));
    const Type* const element = element_of(value, value::GoKind::slice, pointed);
    const uint64_t size = lang::size_of(element).value_or(0);
    if (*count > *capacity || lang::is_impossible(*capacity, size)) {
      return corrupt("a slice of length {} and capacity {} is impossible",
                     static_cast<int64_t>(*count), static_cast<int64_t>(*capacity));
    }
    return lang::present_list(
        fmt::format("{} (len {}, cap {})", declared_name(value), *count, *capacity), *count,
        value.target(), element, lang::addresses_in_row(value.target(), Addr{*from}, *count, size));
  });
}

std::unique_ptr<Printer> make_channel(const Type* type) {
  const Type* const inner = type->target()->stripped();
  const auto count = find_field(inner, {"qcount"});
  const auto room = find_field(inner, {"dataqsiz"});
  const auto buffer = find_field(inner, {"buf"});
  const auto closed = find_field(inner, {"closed"});
  const auto first = find_field(inner, {"recvx"});
  const auto stride = find_field(inner, {"elemsize"});
  const auto receivers = WaitQueue::find(inner, "recvq");
  const auto senders = WaitQueue::find(inner, "sendq");
  if (!count || !room || !buffer || !closed || !first || !stride || !receivers || !senders)
    return nullptr;
  return make_printer([=](const Value& value) -> Result<Presentation> {
    const auto address = value.as_address();
    if (!address) return tl::unexpected(address.error());
    if (address->value == 0) return lang::present_summary(nil_of(value));
    Target& target = value.target();
    const Value channel = Value::in_memory(target, inner, *address).fetched();
    const auto used = count->number(channel);
    const auto slots = room->number(channel);
    const auto from = buffer->number(channel);
    const auto is_closed = closed->number(channel);
    const auto start = first->number(channel);
    const auto size = stride->number(channel);
    for (const auto* const field : {&used, &slots, &from, &is_closed, &start, &size})
      if (!*field) return tl::unexpected(field->error());
    if (*used > *slots || (*slots != 0 && *start >= *slots) || *is_closed > 1 ||
        lang::is_impossible(*slots, *size)) {
      return corrupt("a channel with {} of {} elements from {} on is impossible", *used, *slots,
                     *start);
    }
    const std::string summary =
        fmt::format("{} (len {}, cap {}{}{}{})", declared_name(value), *used, *slots,
                    *is_closed != 0 ? ", closed" : "", receivers->text(channel, "receiving"),
                    senders->text(channel, "sending"));
    const Type* const element = element_of(value, value::GoKind::channel, nullptr);
    if (element == nullptr) return lang::present_summary(summary);
    lang::Addresses addresses = [=, &target, used = *used, slots = *slots, from = *from,
                                 start = *start, size = *size,
                                 index = uint64_t{0}]() mutable -> Result<std::optional<Addr>> {
      if (index == used) return std::nullopt;
      const uint64_t to_end = slots - start;
      const uint64_t place = index < to_end ? start + index : index - to_end;
      const Addr at = Addr{from} + place * size;
      if (size != 0) {
        if (const auto byte = read_at<uint8_t>(target, at); !byte)
          return tl::unexpected(byte.error());
      }
      ++index;
      return at;
    };
    return lang::present_list(summary, *used, target, element, std::move(addresses));
  });
}

}  // namespace clew::go
