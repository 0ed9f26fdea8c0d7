// Interfaces: a descriptor of the dynamic type, directly or by the table of methods, and the value
// or a pointer to it.

#include "base/printable.h"
#include "lang/go/families.h"
#include "lang/go/type_names.h"
#include "value/go_types.h"
#include "value/type_text.h"
#include "value/types.h"

namespace clew::go {
namespace {

/// Structures in structures that hold one pointer.
constexpr int most_depth = 32;

/// True for what fits into the interface's own word: pointers, and what is nothing but one
/// (cmd/compile, types.IsDirectIface).
bool is_direct(const Type* type) {
  for (int depth = 0; depth < most_depth; ++depth) {
    const Type* const plain = type->stripped();
    if (plain->kind() == value::TypeKind::pointer) return true;
    if (plain->size() != sizeof(uint64_t)) return false;
    if (plain->kind() == value::TypeKind::array && plain->count() == 1U) {
      type = plain->target();
      continue;
    }
    if (plain->kind() != value::TypeKind::structure) return false;
    const Type* only = nullptr;
    for (const value::Member& member : plain->members()) {
      if (lang::size_of(member.type) != 0U) only = member.type;
    }
    if (only == nullptr) return false;
    type = only;
  }
  return false;
}

struct Interface {
  Field table;  ///< or the descriptor itself
  Field data;
  std::optional<uint64_t> descriptor;  ///< where it is in the table

  static std::optional<Interface> find(const Type* type) {
    const auto data = find_field(type, {"data"});
    if (!data) return std::nullopt;
    // Of the empty interface.
    if (const auto descriptor = find_field(type, {"_type"}))
      return Interface{*descriptor, *data, std::nullopt};
    const auto table = find_field(type, {"tab"});
    if (!table || !table->type->is_pointer()) return std::nullopt;
    const auto descriptor =
        lang::find_any_field(table->type->stripped()->target(), {{"Type"}, {"_type"}});
    if (!descriptor) return std::nullopt;
    return Interface{*table, *data, descriptor->offset};
  }
};

}  // namespace

std::unique_ptr<Printer> make_interface(const Type* type) {
  const auto found = Interface::find(type);
  if (!found) return nullptr;
  return make_printer([interface = *found](const Value& value) -> Result<Presentation> {
    const auto first = interface.table.number(value);
    const auto data = interface.data.number(value);
    if (!first || !data) return tl::unexpected((!first ? first : data).error());
    if (*first == 0) {
      if (*data != 0) return corrupt("an interface without a type has the value {:#x}", *data);
      return lang::present_summary(nil_of(value));
    }
    Target& target = value.target();
    Result<uint64_t> descriptor = *first;
    if (interface.descriptor)
      descriptor = read_at<uint64_t>(target, Addr{*first} + *interface.descriptor);
    if (!descriptor) return tl::unexpected(descriptor.error());
    const auto dynamic = target.types().go().at(target, Addr{*descriptor});
    const std::string name = declared_name(value);
    if (!dynamic) {
      // The linker leaves types out that it thinks are not needed.
      const auto described = target.types().go().describe(target, Addr{*descriptor});
      if (described && described->basic != nullptr) {
        Presentation shown =
            lang::present_stand_in(Value::in_memory(target, described->basic, Addr{*data}),
                                   fmt::format("{}({})", name, described->name));
        shown.names_stand_in = true;
        return shown;
      }
      if (described) {
        return lang::present_summary(
            fmt::format("{}({}, which the debug information does not have) {:#x}", name,
                        described->name, *data));
      }
      return lang::present_summary(
          fmt::format("{}(type descriptor {:#x}, which the debug information does not have) {:#x}",
                      name, *descriptor, *data));
    }
    const bool held_directly = is_direct(*dynamic);
    Presentation shown =
        lang::present_stand_in(held_directly ? interface.data.of(value).as(*dynamic)
                                             : Value::in_memory(target, *dynamic, Addr{*data}),
                               fmt::format("{}({})", name, value::type_text(*dynamic)));
    shown.names_stand_in = true;
    return shown;
  });
}

}  // namespace clew::go
