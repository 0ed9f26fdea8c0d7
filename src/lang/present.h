#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/field.h"
#include "value/printer.h"

namespace clew::lang {

using value::Child;
using value::Presentation;
using value::Printer;
using value::Shape;
using value::Target;
using value::Type;
using value::Value;

/// What makes a presentation of each value of a type; it owns what was looked up for the type.
using Present = std::function<Result<Presentation>(const Value&)>;

std::unique_ptr<Printer> make_printer(Present present);

/// The mark of a container that cannot be what it claims to be: "corrupt: the end lies before the
/// start".
template <typename... Args>
tl::unexpected<Error> corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCode::bad_data, "corrupt: " + fmt::format(format, std::forward<Args>(args)...));
}

/// Plain data at an address. @return fault with the address.
template <typename T>
Result<T> read_at(Target& target, Addr address) {
  auto object = target.memory().read<T>(address);
  if (object || object.error().code != ErrorCode::fault) return object;
  return fail(ErrorCode::fault, fmt::format("cannot read memory at {:#x}", address.value));
}

/// So many objects of that size cannot be in an address space of 47 bits.
bool is_impossible(uint64_t count, uint64_t size);

/// Gives where one element after the other lies, nullopt behind the last one. The same rules hold
/// as for Presentation::next.
using Addresses = std::function<Result<std::optional<Addr>>()>;

/// Elements one behind the other. The first page that cannot be read ends them with an error.
Addresses addresses_in_row(Target& target, Addr start, uint64_t count, uint64_t stride);

/// What one element of a map looks like from its address on.
struct Entry {
  const Type* key = nullptr;
  const Type* mapped = nullptr;
  uint64_t key_offset = 0, mapped_offset = 0;
};

/// A pair as C++ lays it out: the second member at the next place that fits it. @return nullopt
/// when a size is not known.
std::optional<Entry> entry_of_pair(const Type* key, const Type* mapped);

/// "std::set with 2 elements".
std::string with_elements(std::string_view name, uint64_t count);

Presentation present_text(value::Text text);
Presentation present_stand_in(Value value, std::string summary = {});
/// A summary alone.
Presentation present_summary(std::string summary);
/// Children that are known already.
Presentation present_children(std::string summary, Shape shape, std::vector<Child> children);
Presentation present_list(std::string summary, std::optional<uint64_t> count, Target& target,
                          const Type* element, Addresses addresses);
Presentation present_map(std::string summary, std::optional<uint64_t> count, Target& target,
                         const Entry& entry, Addresses addresses);

}  // namespace clew::lang
